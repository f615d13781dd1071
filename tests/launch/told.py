"""Stands in a snapshot of a test, as medllm/told.py: writes down what a job sees."""

import os
import sys
from pathlib import Path

import medllm

seen = [os.environ["WORDS"], os.environ["OMP_NUM_THREADS"], str(Path(medllm.__file__).parent)]
Path(sys.argv[1]).write_text("\n".join(seen), encoding="utf-8")
