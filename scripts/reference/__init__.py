"""The pages of docs/reference/, one module per page, written from the code they describe."""
