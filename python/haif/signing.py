"""
Ed25519 signatures (RFC 8032) of bundles, in plain Python, because the standard library has none.

One signature takes a few milliseconds. Nothing here is constant in time: use it where nobody else
measures this machine, which is where bundles are published.
"""

import hashlib
import os
import secrets

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT = pow(2, (P - 1) // 4, P)


def _recover_x(y, sign):
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P)
    x = pow(x2, (P + 3) // 8, P)
    if (x * x - x2) % P:
        x = x * ROOT % P
    return P - x if x & 1 != sign else x


_Y = 4 * pow(5, P - 2, P) % P
_X = _recover_x(_Y, 0)
BASE = (_X, _Y, 1, _X * _Y % P)


def _add(a, b):
    one = (a[1] - a[0]) * (b[1] - b[0]) % P
    two = (a[1] + a[0]) * (b[1] + b[0]) % P
    three = 2 * a[3] * b[3] * D % P
    four = 2 * a[2] * b[2] % P
    e, f, g, h = two - one, four - three, four + three, two + one
    return (e * f % P, g * h % P, f * g % P, e * h % P)


def _times(scalar, point):
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _add(result, point)
        point = _add(point, point)
        scalar >>= 1
    return result


def _compressed(point):
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _number(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _expanded(seed):
    digest = hashlib.sha512(seed).digest()
    scalar = int.from_bytes(digest[:32], "little")
    return (scalar & ((1 << 254) - 8)) | (1 << 254), digest[32:]


def public_key(seed):
    return _compressed(_times(_expanded(seed)[0], BASE))


def sign(seed, message):
    scalar, prefix = _expanded(seed)
    public = _compressed(_times(scalar, BASE))
    r = _number(prefix, message) % L
    point = _compressed(_times(r, BASE))
    s = (r + _number(point, public, message) % L * scalar) % L
    return point + s.to_bytes(32, "little")


def load_seed(path=None):
    """The seed of this machine's publisher; the command line of HAIF uses the same file."""
    home = os.environ.get("HAIF_HOME") or os.path.join(os.path.expanduser("~"), ".haif")
    path = path or os.path.join(home, "keys", "publisher.key")
    try:
        with open(path, encoding="ascii") as file:
            return bytes.fromhex(file.read().strip())
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return load_seed(path)  # somebody else was first
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
    return load_seed(path)


def seal(text, seed=None):
    """Hash and signature of a bundle."""
    seed = seed or load_seed()
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    signature = sign(seed, f"haif bundle {sha256}".encode())
    return sha256, {"publisher": public_key(seed).hex(), "signature": signature.hex()}
