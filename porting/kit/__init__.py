"""What is handed over with a converted model, so that the run on the chip can be compared."""
