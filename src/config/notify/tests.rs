//! What is read, printed and refused of `[notify]`.

use crate::config::Config;

const EVERYTHING: &str = r#"zone = "Europe/Berlin"
[calendar.night]
hours = "22:00-06:00"
[notify]
name = "dc-1"
public_url = "https://tidemark.example.org/"
[notify.channel.pager]
type = "pagerduty"
key_file = "key"
[notify.channel.chat]
type = "slack"
url_env = "HOOK"
[notify.channel.team]
type = "mattermost"
url_file = "hook"
channel = "noc"
[notify.channel.bot]
type = "telegram"
token_file = "token"
chat = "-100"
[notify.channel.jira]
type = "webhook"
url = "https://example.org/api"
method = "put"
headers = { "x-kind" = "{{ first.kind }}" }
authorization_env = "JIRA"
secret_file = "shared"
body = """{"summary": {{ title | tojson }}}"""
proxy = "http://proxy.example.org:3128"
[notify.channel.am]
type = "alertmanager"
url = "http://127.0.0.1:9093"
labels = { site = "lab" }
ca_file = "ca.pem"
[notify.channel.mail]
type = "mail"
host = "mail.example.org"
security = "tls"
from = "Tidemark <tidemark@example.org>"
to = ["Kim <kim@example.org>", "noc@example.org"]
user = "tidemark"
password_file = "password"
[notify.channel.log]
type = "syslog"
to = "[2001:db8::1]:6514"
transport = "tls"
facility = "auth"
format = "cef"
[notify.channel.eve]
type = "file"
path = "-"
shape = "eve"
[notify.channel.numbers]
type = "graphite"
to = "graphite.example.org:2003"
prefix = "lab.tidemark"
[notify.channel.program]
type = "script"
command = ["/usr/local/bin/page", "--now"]
timeout = "5s"
[notify.route.oncall]
channel = "pager"
severity = "critical"
filter = "net 10.0.0.0/8"
rules = ["scan"]
kinds = ["scan-horizontal"]
during = "night"
quiet = ["night"]
on = ["closed"]
by = "anomaly"
budget = { messages = 3, per = "10m" }
digest = { at = "mon 08:00", severity = "high" }
escalate = { after = "5m", to = "boss" }
self = true
heartbeat = "1m"
queue = 50
give_up = "2h"
[notify.route.boss]
channel = "mail"
only_escalated = true
budget = false
digest = { every = "6h" }
[notify.route.alerts]
channel = "am"
"#;

#[test]
fn everything_that_is_configured_is_printed_and_reads_back_as_the_same() {
    let config = Config::parse(EVERYTHING, "x.toml").unwrap_or_else(|error| panic!("{error}"));
    let printed = config.to_string();
    let again = Config::parse(&printed, "x.toml").unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(again, config, "{printed}");
    assert_eq!(config.notify.channels.len(), 11);
    assert_eq!(
        config.notify.public_url.as_deref(),
        Some("https://tidemark.example.org")
    );
    let alerts = config
        .notify
        .routes
        .iter()
        .find(|way| way.route.name == "alerts")
        .unwrap();
    assert!(
        alerts.route.refresh.is_some() && alerts.route.budget.is_none(),
        "machines forget"
    );
}

#[test]
fn what_cannot_be_is_refused_with_line_and_key() {
    let channel = |lines: &str| format!("[notify.channel.x]\n{lines}");
    for (text, line, words) in [
        (channel("type = \"pagerdutty\""), 2, "did you mean `pagerduty`"),
        (channel("type = \"slack\""), 1, "needs `url_file` or `url_env`"),
        (
            channel("type = \"slack\"\nurl = \"https://hooks.slack.com/x\""),
            1,
            "credentials do not stand here",
        ),
        (
            channel("type = \"webhook\"\nurl = \"https://u:p@example.org/\""),
            3,
            "password does not stand here",
        ),
        (channel("type = \"webhook\"\nurl = \"example.org\""), 3, "http://"),
        (
            channel("type = \"webhook\"\nurl = \"http://x/\"\nheaders = { Authorization = \"Bearer x\" }"),
            4,
            "authorization_file",
        ),
        (
            channel("type = \"webhook\"\nurl = \"http://x/\"\nbody = \"{{ titel | tojson }}\""),
            4,
            "template fails",
        ),
        (
            channel("type = \"webhook\"\nurl = \"http://x/\"\nbody = \"{{ title }}\""),
            4,
            "no JSON",
        ),
        (
            channel(
                "type = \"mail\"\nhost = \"mail.example.org\"\nsecurity = \"none\"\nfrom = \"a@b.org\"\nto = \"c@d.org\"",
            ),
            3,
            "without TLS",
        ),
        (
            channel("type = \"mail\"\nhost = \"x\"\nfrom = \"nobody\"\nto = \"c@d.org\""),
            4,
            "no address of mail",
        ),
        (
            channel("type = \"syslog\"\nto = \"log.example.org\""),
            3,
            "with a port",
        ),
    ] {
        refused(&text, line, words);
    }
}

fn refused(text: &str, line: usize, words: &str) {
    let error = Config::parse(text, "x.toml").unwrap_err();
    assert_eq!(
        error.line_and_column().map(|(line, _)| line),
        Some(line),
        "{error}"
    );
    assert!(error.to_string().contains(words), "{words}: {error}");
}

#[test]
fn a_route_that_cannot_be_is_refused_with_line_and_key() {
    let route = |lines: &str| {
        format!(
            "[notify.channel.x]\ntype = \"file\"\npath = \"-\"\n[notify.route.r]\nchannel = \"x\"\n{lines}"
        )
    };
    for (text, line, words) in [
        (route("severity = \"purple\""), 6, "severity"),
        (
            route("filter = \"severity >= purple\""),
            6,
            "notify.route.r.filter",
        ),
        (route("quiet = \"nights\""), 6, "no calendar `nights`"),
        (route("on = [\"opened\"]"), 6, "nothing that can be told of"),
        (route("budget = { messages = 0 }"), 6, "not between 1"),
        (route("digest = { at = \"8\" }"), 6, "no hour"),
        (route("escalate = { to = \"nobody\" }"), 6, "no route `nobody`"),
        (route("kind = []"), 6, "unknown key"),
        (
            "[notify.route.r]\nchannel = \"x\"".to_owned(),
            2,
            "no channel `x`",
        ),
    ] {
        refused(&text, line, words);
    }
}
