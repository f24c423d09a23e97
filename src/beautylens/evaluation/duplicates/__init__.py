"""Pictures that several products share."""
