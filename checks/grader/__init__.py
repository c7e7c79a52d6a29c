"""The machine: it runs, compares, diagnoses and reports. It knows no lesson."""
