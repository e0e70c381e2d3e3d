"""A mail server that insists on TLS and a log-in, and writes each mail as JSON, decoded as a reader would see it.

Arguments: `starttls` or `tls` (from the first octet on), port, certificate, key, folder, user, password."""
import email
import email.policy
import json
import os
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

security, port, certificate, key, folder, user, password = sys.argv[1:]


class Keep:
    count = 0

    async def handle_DATA(self, server, session, envelope):
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        part = lambda kind: mail.get_body((kind,)).get_content()
        seen = {
            "subject": str(mail["subject"]),
            "message_id": str(mail["message-id"]).strip(),
            "references": str(mail["references"] or "").strip(),
            "from": str(mail["from"]),
            "to": envelope.rcpt_tos,
            "auto": str(mail["auto-submitted"]),
            "plain": part("plain"),
            "html": part("html"),
            "tls": security == "tls" or session.ssl is not None,
            "user": bool(session.authenticated),
        }
        Keep.count += 1
        name = os.path.join(folder, "%d.json" % Keep.count)
        with open(name + ".part", "w") as file:
            json.dump(seen, file)
        os.rename(name + ".part", name)
        return "250 taken"


def knows(server, session, envelope, mechanism, data):
    known = data.login == user.encode() and data.password == password.encode()
    return AuthResult(success=known)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
server = Controller(
    Keep(),
    hostname="127.0.0.1",
    port=int(port),
    ssl_context=context if security == "tls" else None,
    tls_context=context if security == "starttls" else None,
    require_starttls=security == "starttls",
    authenticator=knows,
    auth_required=True,
    # It takes only STARTTLS for TLS; here everything is, from the first octet on.
    auth_require_tls=security == "starttls",
)
server.start()
print("ready", flush=True)
while True:
    time.sleep(3600)
