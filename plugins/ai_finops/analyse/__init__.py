"""What SQL says badly: projections, cost drivers, savings. Pure functions from pyarrow tables to pyarrow tables."""
