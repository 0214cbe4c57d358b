"""A certificate authority for one test run."""
import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


def common_name(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def general_name(text):
    try:
        return x509.IPAddress(ipaddress.ip_address(text))
    except ValueError:
        return x509.DNSName(text)


def key_pem(key):
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                             serialization.NoEncryption())


class Authority:
    """Writes its own certificate to FOLDER/NAME.pem (`ca_file`) and issues others beside it."""

    def __init__(self, folder, name):
        self.folder = folder
        self.name = name
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.ca_file = folder / f"{name}.pem"
        certificate = self._build(name, self.key, x509.BasicConstraints(ca=True, path_length=0), [])
        self.ca_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

    def _build(self, subject, key, constraints, names, valid_for=datetime.timedelta(days=2)):
        now = datetime.datetime.utcnow()
        builder = (x509.CertificateBuilder()
                   .subject_name(common_name(subject)).issuer_name(common_name(self.name))
                   .public_key(key.public_key()).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(hours=1) + min(valid_for, datetime.timedelta()))
                   .not_valid_after(now + valid_for)
                   .add_extension(constraints, critical=True))
        if names:
            alternatives = x509.SubjectAlternativeName([general_name(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, *names, **validity):
        """A file with certificate and key for these host names or addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._build(names[0], key, x509.BasicConstraints(ca=False, path_length=None), names, **validity)
        path = self.folder / f"{self.name}-{names[0]}{'-' + str(validity['valid_for'].days) if validity else ''}.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key_pem(key))
        return path
