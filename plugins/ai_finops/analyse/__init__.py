"""What SQL says badly: projections, cost drivers, anomalies, savings. Pure functions from pyarrow tables to pyarrow tables."""
