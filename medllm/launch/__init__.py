"""How a frozen run is started: here, under torchrun, or as a job of Slurm."""
