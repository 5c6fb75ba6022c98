"""How the tables came to be: alembic revisions. Never change one that was released; add the next."""
