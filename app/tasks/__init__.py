"""What worker processes do. No Streamlit in these files: they run where there is no visitor."""
