"""The proxies of deploy/ on this machine: other ports, a certificate of their own, one folder."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

DEPLOY = Path(settings.BASE_DIR) / "deploy"
HOST = "api.example.com"
NGINX = """
daemon off;
# One process only, which then needs no rights on the test's folder but our own.
master_process off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""
CADDY_OPTIONS = """{{
	admin off
	default_bind 127.0.0.1
	http_port {http}
	https_port {https}
	storage file_system {folder}
"""


def need(program: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")


def proxy_command(name: str, folder: Path, **ports: int) -> list[str]:
    """Runs that proxy, which listens on the ports `http` and `https` and asks `web`."""
    need(name)
    _make_certificate(folder)
    return {"nginx": _nginx, "caddy": _caddy}[name](folder, **ports)


def _nginx(folder: Path, *, web: int, http: int, https: int) -> list[str]:
    site = (DEPLOY / "nginx.conf").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{web}")
    site = site.replace(f"/etc/letsencrypt/live/{HOST}", str(folder))
    site = re.sub(r" *listen \[::\].*\n", "", site)  # Not every machine has IPv6.
    site = site.replace("listen 80", f"listen 127.0.0.1:{http}")
    site = site.replace("listen 443", f"listen 127.0.0.1:{https}")
    (folder / "site.conf").write_text(site)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    return ["nginx", "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]


def _caddy(folder: Path, *, web: int, http: int, https: int) -> list[str]:
    text = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8000", f"127.0.0.1:{web}")
    options = CADDY_OPTIONS.format(http=http, https=https, folder=folder)
    text = text.replace("{\n", options, 1)
    tls = f"tls {folder}/fullchain.pem {folder}/privkey.pem"
    text = text.replace(f"\n{HOST} {{", f"\n{HOST} {{\n\t{tls}")
    (folder / "Caddyfile").write_text(text)
    return ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]


def _make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    form, no_password = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "privkey.pem").write_bytes(key.private_bytes(pem, form, no_password))
