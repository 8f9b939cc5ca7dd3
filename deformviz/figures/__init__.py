"""Pure functions from data to Plotly figures; the theme they share."""
