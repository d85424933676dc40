"""What a run will train and cost, before anything is downloaded."""
