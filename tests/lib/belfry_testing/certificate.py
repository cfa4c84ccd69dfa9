"""A self-signed certificate, for STARTTLS on loopback."""

import pathlib
import subprocess


def make_certificate(directory, domain):
    """(certificate, key) as PEM files in DIRECTORY."""
    directory = pathlib.Path(directory)
    cert, key = directory / "cert.pem", directory / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
         f"/CN={domain}", "-addext", f"subjectAltName=DNS:{domain}", "-keyout", key,
         "-out", cert], check=True, capture_output=True)
    return cert, key
