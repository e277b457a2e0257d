"""A real mail server for Caudal's tests: aiosmtpd receives, Python's own `email` reads, strictly.

Each mail that was received is told in a line of JSON on the output. It ends with its input.

    mail_server.py PORT [--certificate FILE --key FILE] [--wrapped] [--user NAME --password TEXT]
"""

import argparse
import email
import email.policy
import json
import ssl
import sys
import warnings

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


def read(content):
    """What a mail program would show. The strict policy raises whatever is wrong with the mail as a whole."""
    mail = email.message_from_bytes(content, policy=email.policy.strict)
    addresses = lambda name: [[a.display_name, a.addr_spec] for a in mail[name].addresses]
    return {
        "headers": [[name, str(value)] for name, value in mail.items()],
        "from": addresses("From"),
        "to": addresses("To"),
        "subject": str(mail["Subject"]),
        "date": mail["Date"].datetime.isoformat(),
        "kinds": [part.get_content_type() for part in mail.walk()],
        "text": mail.get_body(("plain",)).get_content(),
        "html": mail.get_body(("html",)).get_content(),
        "defects": [str(d) for part in mail.walk() for d in part.defects]
        + [f"{name}: {d}" for name, value in mail.items() for d in value.defects],
        "longest_line": max(len(line) for line in content.split(b"\r\n")),
        "controls": sum(byte < 32 and byte not in b"\r\n\t" for byte in content),
        "bare_line_ends": content.replace(b"\r\n", b"").count(b"\n") + content.replace(b"\r\n", b"").count(b"\r"),
    }


class Reader:
    async def handle_DATA(self, server, session, envelope):
        try:
            mail = read(envelope.content)
        except Exception as error:
            mail = {"unreadable": repr(error), "raw": envelope.content.decode("utf-8", "replace")}
        mail["envelope"] = {"from": envelope.mail_from, "to": envelope.rcpt_tos}
        mail["tls"] = server.transport.get_extra_info("ssl_object") is not None
        mail["user"] = session.auth_data.decode() if session.authenticated else None
        print(json.dumps(mail), flush=True)
        return "250 OK"


def options_of(arguments):
    """How the server is to be, as aiosmtpd wants it told."""
    options = {}
    if arguments.certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(arguments.certificate, arguments.key)
        if arguments.wrapped:
            options["ssl_context"] = context
        else:
            options |= {"tls_context": context, "require_starttls": True}
    if arguments.user:
        def authenticator(server, session, envelope, mechanism, login):
            known = (login.login.decode(), login.password.decode()) == (arguments.user, arguments.password)
            return AuthResult(success=known, handled=False, auth_data=login.login)

        options |= {"authenticator": authenticator, "auth_required": True, "auth_require_tls": not arguments.wrapped}
    return options


def main():
    # TLS is there, but aiosmtpd knows only the one that begins later.
    warnings.filterwarnings("ignore", message="Requiring AUTH")
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    for name in ("--certificate", "--key", "--user", "--password"):
        parser.add_argument(name)
    parser.add_argument("--wrapped", action="store_true")
    arguments = parser.parse_args()
    controller = Controller(Reader(), hostname="127.0.0.1", port=arguments.port, **options_of(arguments))
    controller.start()
    print(json.dumps("ready"), flush=True)
    sys.stdin.read()
    controller.stop()


main()
