"""`python -m aiconvai` is `aiconvai`."""

from aiconvai.cli import app

if __name__ == "__main__":
    app(prog_name="aiconvai")
