"""A certificate authority and a server certificate for localhost, made by openssl, once a run."""

import subprocess


class Certificates:
    def __init__(self, folder):
        self.folder = folder
        self.authority = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
        self._openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=isochrone test authority",
                      "-addext", "keyUsage=critical,keyCertSign,cRLSign")
        self._openssl("req", *curve[:-2], "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost")
        (folder / "extensions").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n"
                                           "keyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
                                           "authorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        self._openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-days", "30", "-extfile", "extensions", "-out", "server.pem")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.folder, check=True, capture_output=True)
