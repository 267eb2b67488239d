//! What `meridian.toml` may say. Unknown keys are errors; an error names the line and a way out.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::flags::LogFormat;
use super::history;
use super::reports;
use super::suggestion;
use crate::model::network::Network;
use crate::model::place::HomeLocation;
use crate::server::collector::admission::Admission;
use crate::server::collector::deduplication::CountOnce;
use crate::server::collector::quirks::Quirk;
use crate::server::collector::rules::Rules;
use crate::server::collector::sampling::SamplingRule;
use crate::server::collector::steering::MAX_WORKERS;
use crate::server::collector::tls;
use crate::server::geolocation::HomeNetworkSetting;
use crate::server::wire::sampled_header::Decapsulation;

/// The whole file. Every section and key may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigFile {
    /// Folder of everything that Meridian keeps. Default `data`. Variable `MERIDIAN_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
    /// Where export datagrams arrive.
    #[serde(default)]
    pub listen: Listen,
    /// Pages and API.
    #[serde(default)]
    pub http: Http,
    /// Geolocation databases.
    #[serde(default)]
    pub geolocation: Geolocation,
    /// Where the default home ranges (RFC 1918, RFC 4193, link-local) are.
    home: Option<Spanned<Home>>,
    /// The same, checked.
    #[serde(skip)]
    pub home_location: Option<HomeLocation>,
    /// Networks that are home, each with its own place.
    #[serde(default)]
    pub home_networks: Vec<Spanned<HomeNetworkSetting>>,
    /// What is known of exporters that their records do not tell. Default: none.
    #[serde(default)]
    pub quirks: Vec<Spanned<Quirk>>,
    /// Sampling intervals of exporters, the first that fits counts: `exporters` (addresses or networks),
    /// `observation_domain` (default all), `interval` (1 in n; 1 for none), `use` (`default`: where the exporter does
    /// not say, or `override`: always; default `default`).
    #[serde(default)]
    pub sampling: Vec<Spanned<SamplingRule>>,
    /// Who may export, and how much.
    #[serde(default)]
    pub admission: AdmissionSection,
    /// Rules against counting a flow twice.
    #[serde(default)]
    pub count_once: Vec<Spanned<CountOnce>>,
    /// What is kept of the past.
    #[serde(default)]
    pub history: history::Section,
    /// Reports.
    #[serde(default)]
    reports: reports::Section,
    /// The same, checked.
    #[serde(skip)]
    pub report_settings: reports::ReportSettings,
    /// Names of addresses.
    #[serde(default)]
    pub names: Names,
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// How the process ends.
    #[serde(default)]
    pub shutdown: Shutdown,
    /// Sampled packets.
    #[serde(default)]
    pub sflow: Sflow,
}

/// Section `[sflow]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sflow {
    /// Tunnels in sampled packets that are looked into: `gre`, `vxlan`, `ipip`. Default: none, a packet in a
    /// tunnel counts as one between the ends of the tunnel.
    #[serde(default)]
    pub decapsulate: Vec<Tunnel>,
}

/// A tunnel of `sflow.decapsulate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tunnel {
    /// Generic routing encapsulation.
    Gre,
    /// VXLAN.
    Vxlan,
    /// IP in IP.
    Ipip,
}

impl Sflow {
    /// What the collector makes of it.
    pub fn decapsulation(&self) -> Decapsulation {
        let has = |tunnel| self.decapsulate.contains(&tunnel);
        Decapsulation { gre: has(Tunnel::Gre), vxlan: has(Tunnel::Vxlan), ipip: has(Tunnel::Ipip) }
    }
}

/// Section `[listen]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// UDP addresses with port. Default: 2055, 4739 and 6343 on all addresses. Variable `MERIDIAN_LISTEN_UDP`.
    pub udp: Option<Vec<SocketAddr>>,
    /// Receive buffer asked of the kernel for each socket, in bytes. Default 67,108,864.
    pub receive_buffer_bytes: Option<usize>,
    /// TCP addresses with port, for IPFIX. Default: those of `udp` whose port is 4739. Variable `MERIDIAN_LISTEN_TCP`.
    pub tcp: Option<Vec<SocketAddr>>,
    /// Seconds after which a TCP or TLS connection without a message is closed, at least 1. Default 1,800.
    pub idle_timeout_s: Option<NonZeroU32>,
    /// IPFIX over TLS. Default: none.
    pub tls: Option<tls::Settings>,
    /// Threads that receive, 1 to 64, each with a socket for every address. Default: a quarter of the processor cores, 1
    /// to 8.
    workers: Option<Spanned<usize>>,
    /// The same, checked.
    #[serde(skip)]
    pub worker_count: Option<usize>,
}

/// Section `[http]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address with port. Default: `site-addr` of `Leptos.toml`, 127.0.0.1:3000. Variable `MERIDIAN_HTTP_ADDRESS`.
    pub address: Option<SocketAddr>,
    /// Names that pages are reached by, besides addresses, `localhost` and the machine's own. Default: none.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// Origins besides the server's own that may open the live stream. Default: none.
    #[serde(default)]
    pub allowed_origins: Vec<String>,
}

/// Section `[geolocation]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Geolocation {
    /// Database files, `.mmdb` or `.csv`. Default: all in `geolocation/` of the data folder.
    /// Variable `MERIDIAN_DATABASES`.
    pub databases: Option<Vec<PathBuf>>,
}

/// Section `[home]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Home {
    /// Name shown at the marker. Default `home`.
    pub name: Option<String>,
    /// Degrees north.
    pub latitude: f32,
    /// Degrees east.
    pub longitude: f32,
}

/// Section `[admission]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionSection {
    /// Networks whose datagrams and connections are taken, such as `192.0.2.0/24` or `2001:db8::1`. Default: all.
    pub networks: Option<Spanned<Vec<Network>>>,
    /// Flow records that one exporter may send in a second; its data sets beyond are skipped. Default: no limit.
    pub flow_records_per_second: Option<Spanned<u32>>,
}

/// Section `[names]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Names {
    /// Whether the names of addresses that a page shows are asked of the system's resolver, which then learns these
    /// addresses. Default `false`: nothing is asked.
    #[serde(default)]
    pub reverse_dns: bool,
}

/// Section `[log]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// `text` or `json`. Default `text`. Variable `MERIDIAN_LOG_FORMAT`.
    pub format: Option<LogFormat>,
    /// Filter such as `info` or `meridian=debug,warn`. Default `info`. Variable `MERIDIAN_LOG_LEVEL`.
    pub level: Option<String>,
}

/// Section `[shutdown]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shutdown {
    /// Seconds that open connections get to end after a stop signal. Default 10.
    pub deadline_s: Option<u64>,
}

impl From<Home> for HomeLocation {
    fn from(home: Home) -> Self {
        Self {
            name: home.name.unwrap_or_else(|| "home".to_owned()),
            latitude: home.latitude,
            longitude: home.longitude,
        }
    }
}

impl ConfigFile {
    /// Reads and checks a file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Checks the text of a file; `path` is for the error message.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let mut file: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Invalid(suggestion::explain(text, path, &error)))?;
        let wrong = |span: Range<usize>, message: &str| {
            ConfigError::Invalid(suggestion::point(text, path, span.start, message))
        };
        if let Some(home) = file.home.take() {
            let span = home.span();
            let location = HomeLocation::from(home.into_inner());
            if let Some(fault) = location.fault() {
                return Err(wrong(span, fault));
            }
            file.home_location = Some(location);
        }
        if let Some(workers) = file.listen.workers.take() {
            if !(1..=MAX_WORKERS).contains(workers.get_ref()) {
                return Err(wrong(workers.span(), "write 1 to 64 workers"));
            }
            file.listen.worker_count = Some(workers.into_inner());
        }
        for quirk in &file.quirks {
            quirk.get_ref().check().map_err(|fault| wrong(quirk.span(), fault))?;
        }
        for network in &file.home_networks {
            network.get_ref().check().map_err(|fault| wrong(network.span(), &fault))?;
        }
        for rule in &file.sampling {
            rule.get_ref().check().map_err(|fault| wrong(rule.span(), fault))?;
        }
        if let Some(networks) = &file.admission.networks
            && networks.get_ref().is_empty()
        {
            return Err(wrong(
                networks.span(),
                "an empty list would admit nobody: list networks, like [\"192.0.2.0/24\"], or leave the line out to admit everybody",
            ));
        }
        if let Some(limit) = &file.admission.flow_records_per_second
            && *limit.get_ref() == 0
        {
            return Err(wrong(
                limit.span(),
                "a limit of 0 would skip every flow: write 1 or more, or leave the line out for no limit",
            ));
        }
        for (number, rule) in file.count_once.iter().enumerate() {
            let earlier = file.count_once.iter().take(number).map(Spanned::get_ref);
            rule.get_ref().check(earlier).map_err(|fault| wrong(rule.span(), &fault))?;
        }
        file.report_settings = file.reports.settings().map_err(|(span, fault)| wrong(span, &fault))?;
        Ok(file)
    }

    /// What the operator decided about what comes.
    pub fn rules(&mut self) -> Rules {
        let networks = self.admission.networks.take().map(Spanned::into_inner).unwrap_or_default();
        let rate_limit = self.admission.flow_records_per_second.as_ref().map(|limit| *limit.get_ref());
        let quirks = std::mem::take(&mut self.quirks).into_iter().map(Spanned::into_inner);
        let sampling = std::mem::take(&mut self.sampling).into_iter().map(Spanned::into_inner);
        Rules {
            quirks: quirks.collect(),
            sampling: sampling.collect(),
            decapsulation: self.sflow.decapsulation(),
            admission: Admission::new(networks),
            rate_limit: rate_limit.and_then(NonZeroU32::new),
            count_once: std::mem::take(&mut self.count_once).into_iter().map(Spanned::into_inner).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        ConfigFile::parse(text, Path::new("meridian.toml")).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_key_is_an_error_with_its_line_and_the_nearest_key() {
        let message = error("data_dir = \"x\"\n\n[http]\nadress = \"127.0.0.1:1\"\n");
        assert!(message.contains("meridian.toml:4:1"), "{message}");
        assert!(message.contains("`address`"), "{message}");
    }

    #[test]
    fn an_impossible_latitude_is_an_error_with_its_section() {
        let message = error("data_dir = \"x\"\n[home]\nlatitude = 91.0\nlongitude = 0.0\n");
        assert!(message.contains("meridian.toml:2"), "{message}");
        assert!(message.contains("-90 to 90"), "{message}");
    }

    #[test]
    fn an_address_without_a_port_is_an_error_that_says_so() {
        let message = error("[listen]\nudp = [\"0.0.0.0\"]\n");
        assert!(message.contains("meridian.toml:2"), "{message}");
    }

    #[test]
    fn a_sampling_rule_that_makes_no_sense_is_an_error_with_its_line_and_what_to_write() {
        let message = error("[[sampling]]\nexporters = [\"192.0.2.1\"]\ninterval = 0\n");
        assert!(message.contains("meridian.toml:1") && message.contains("like 1000"), "{message}");
        let message = error("data_dir = \"x\"\n[[sampling]]\nexporters = []\ninterval = 5\n");
        assert!(message.contains("meridian.toml:2") && message.contains("192.0.2.0/24"), "{message}");
        let message = error("[[sampling]]\nexporters = [\"192.0.2.1/24\"]\ninterval = 5\n");
        assert!(message.contains("meridian.toml:2") && message.contains("write 192.0.2.0/24"), "{message}");
        let message = error("[[sampling]]\nexporter = [\"192.0.2.1\"]\ninterval = 5\n");
        assert!(message.contains("did you mean `exporters`?"), "{message}");
        let message = error("[[sampling]]\nexporters = [\"::/0\"]\ninterval = 5\nuse = \"overide\"\n");
        assert!(message.contains("did you mean `override`?"), "{message}");
    }

    #[test]
    fn tls_without_a_key_and_a_timeout_of_nothing_are_errors_that_say_so() {
        let message = error("[listen.tls]\ncertificate = \"a.pem\"\n");
        assert!(message.contains("meridian.toml:1") && message.contains("`key`"), "{message}");
        let message = error("[listen]\nidle_timeout_s = 0\n");
        assert!(message.contains("meridian.toml:2") && message.contains("nonzero"), "{message}");
    }

    #[test]
    fn tunnels_are_looked_into_as_named_and_an_unknown_one_is_an_error_with_the_known_ones() {
        let tunnels =
            |text: &str| ConfigFile::parse(text, Path::new("meridian.toml")).unwrap().sflow.decapsulation();
        assert_eq!(tunnels(""), Decapsulation::default());
        let expected = Decapsulation { gre: true, vxlan: true, ipip: false };
        assert_eq!(tunnels("[sflow]\ndecapsulate = [\"gre\", \"vxlan\"]\n"), expected);
        let message = error("[sflow]\ndecapsulate = [\"l2tp\"]\n");
        assert!(message.contains("meridian.toml:2") && message.contains("vxlan"), "{message}");
    }

    #[test]
    fn an_empty_or_impossible_admission_is_an_error_with_its_line_and_a_way_out() {
        let message = error("[admission]\nnetworks = []\n");
        assert!(message.contains("meridian.toml:2") && message.contains("leave the line out"), "{message}");
        let message = error("[admission]\nnetworks = [\"192.0.2.1/24\"]\n");
        assert!(message.contains("meridian.toml:2") && message.contains("write 192.0.2.0/24"), "{message}");
        let message = error("[admission]\nflow_records_per_second = 0\n");
        assert!(message.contains("meridian.toml:2") && message.contains("for no limit"), "{message}");
        let message = error("[admission]\nnetwork = [\"192.0.2.0/24\"]\n");
        assert!(message.contains("did you mean `networks`?"), "{message}");
    }

    #[test]
    fn a_rule_against_counting_twice_that_cannot_be_says_what_to_write() {
        let rule = |rest: &str| format!("[[count_once]]\nname = \"core\"\n{rest}");
        let core = rule("exporters = [\"192.0.2.0/24\"]\nby = \"first_exporter\"\n");
        let message = error(&rule("exporters = [\"192.0.2.1\"]\nby = \"ingres\"\n"));
        assert!(message.contains("meridian.toml:4") && message.contains("`first_exporter`"), "{message}");
        assert!(message.contains("did you mean `ingress`?"), "{message}");
        let message = error(&rule("exporters = []\nby = \"egress\"\n"));
        assert!(message.contains("meridian.toml:1") && message.contains("at least one"), "{message}");
        let message = error(&rule("exporters = [\"192.0.2.1\"]\nby = \"egress\"\ntimeout_s = 60\n"));
        assert!(message.contains("leave it out"), "{message}");
        let message = error(&format!("{core}timeout_s = 0\n"));
        assert!(message.contains("1 to 86400"), "{message}");
        let message = error(&format!("{core}\n{core}"));
        assert!(message.contains("meridian.toml:6") && message.contains("192.0.2.0/24"), "{message}");
        let overlapping =
            "[[count_once]]\nname = \"edge\"\nexporters = [\"192.0.2.1\"]\nby = \"first_exporter\"\n";
        let other_kind = "[[count_once]]\nname = \"in\"\nexporters = [\"192.0.2.0/24\"]\nby = \"ingress\"\n";
        let fine = format!("{core}\n{overlapping}\n{other_kind}");
        let rules = ConfigFile::parse(&fine, Path::new("meridian.toml")).unwrap().rules();
        assert_eq!(rules.count_once.len(), 3);
        assert_eq!(
            rules.pinned_networks().iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.0.2.0/24", "192.0.2.1"]
        );
    }

    #[test]
    fn a_size_or_an_age_that_makes_no_sense_is_an_error_with_its_line_and_what_to_write() {
        let message = error("[history]\narchive_keep_bytes = \"20 GB\"\n");
        assert!(message.contains("meridian.toml:2") && message.contains("\"20G\""), "{message}");
        let message = error("[history]\narchive_keep_days = 0\n");
        assert!(message.contains("meridian.toml:2") && message.contains("nonzero"), "{message}");
        let message = error("[history]\narchive_keep_day = 3\n");
        assert!(message.contains("did you mean `archive_keep_days`?"), "{message}");
    }

    #[test]
    fn a_number_of_workers_that_cannot_be_is_an_error_with_its_line() {
        for workers in ["0", "65"] {
            let message = error(&format!("[listen]\nworkers = {workers}\n"));
            assert!(message.contains("meridian.toml:2") && message.contains("1 to 64"), "{message}");
        }
    }

    #[test]
    fn a_home_network_needs_both_coordinates() {
        let message = error("[[home_networks]]\nname = \"a\"\nnetworks = [\"10.0.0.0/8\"]\nlatitude = 1.0\n");
        assert!(message.contains("longitude"), "{message}");
    }
}
