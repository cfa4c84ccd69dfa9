"""A self-signed certificate, for STARTTLS on loopback, and who trusts it."""

import pathlib
import shutil
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


def trust(directory, cert):
    """Makes DIRECTORY one of OpenSSL's for those to trust, with CERT in it."""
    shutil.copy(cert, pathlib.Path(directory) / "trusted.pem")
    subprocess.run(["openssl", "rehash", directory], check=True, capture_output=True)
