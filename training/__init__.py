"""From labelled complaints to a bundle: examples, splits, fitting, calibration, evaluation."""
