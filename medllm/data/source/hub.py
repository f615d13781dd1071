"""Files of a Hugging Face dataset, named hf://datasets/owner/name@revision/path/or/pattern."""

import glob
from pathlib import Path

from medllm.errors import DataError


def is_url(files: str) -> bool:
    return files.startswith("hf://")


def downloaded(url: str) -> str:
    """The local pattern of what `url` names, once it is downloaded, or was before.

    With a commit as its revision the network is not needed again.

    Raises:
        DataError: it is no such URL, the hub does not have it, or the hub cannot be reached
            and not all of it was downloaded before.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import (
        HTTPError,  # pyright: ignore[reportPrivateImportUsage]  (of the httpx that it uses)
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    id, revision, path = _parsed(url)
    # To the hub * also matches folders, but ** must match one.
    wanted = [path, path.replace("**/", "")]
    try:
        folder = snapshot_download(
            id, repo_type="dataset", revision=revision, allow_patterns=wanted
        )
    except RepositoryNotFoundError as error:
        raise DataError(
            f"the hub shows no dataset '{id}'; check the name, or if it is gated or private, "
            "log in with `hf auth login`"
        ) from error
    except RevisionNotFoundError as error:
        raise DataError(f"dataset '{id}' has no revision '{revision}'") from error
    except LocalEntryNotFoundError as error:
        raise DataError(
            f"the hub cannot be reached, and not all of '{url}' was downloaded before; run this "
            "once online and without HF_HUB_OFFLINE, or copy the files here and name them in "
            "the source's `files`"
        ) from error
    except HTTPError as error:
        why = str(error).partition("\n")[0]
        raise DataError(f"'{url}' was not downloaded whole: {why}; start again to go on") from error
    return str(Path(glob.escape(folder)) / path)


def inside(url: str, file: Path) -> tuple[str, Path]:
    """The pattern and the path of `file`, both within the dataset."""
    id, _, path = _parsed(url)
    # The cache lays a file at datasets--owner--name/snapshots/<commit>/<path>.
    root = file.parts.index("datasets--" + id.replace("/", "--"))
    return path, Path(*file.parts[root + 3 :])


def _parsed(url: str) -> tuple[str, str | None, str]:
    from huggingface_hub import parse_hf_uri
    from huggingface_hub.errors import HfUriError

    try:
        parsed = parse_hf_uri(url)
    except HfUriError:
        parsed = None
    if parsed is None or parsed.type != "dataset" or not parsed.path_in_repo:
        raise DataError(
            f"'{url}' is not of the form hf://datasets/owner/name@revision/path, with * and ** "
            "in the path and @revision where it is not main; change the source's `files`"
        )
    return parsed.id, parsed.revision, parsed.path_in_repo
