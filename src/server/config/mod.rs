//! The configuration: flags over `MERIDIAN_*` variables over the file over defaults.
//!
//! [`Config`] is what the process runs with; [`mod@file`] is what `meridian.toml` may say, [`flags`] what the
//! command line and the environment may say. A value that makes no sense never gets past this module.

pub mod file;
pub mod flags;
pub mod history;
pub mod reports;
mod suggestion;

use std::net::SocketAddr;
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use self::file::ConfigFile;
use self::flags::{LogFormat, RunFlags};
use self::history::HistorySettings;
use self::reports::ReportSettings;
use crate::model::place::HomeLocation;
use crate::server::collector::demo_exporter::DEMO_SOURCES;
use crate::server::collector::rules::Rules;
use crate::server::collector::tls;
use crate::server::geolocation::{HomeNetworkSetting, Settings};
use crate::server::{home, telemetry};

/// Name of the configuration file that is read when none is named and it exists.
pub const DEFAULT_FILE: &str = "meridian.toml";
/// UDP ports that are listened on unless others are named: NetFlow, IPFIX (IANA) and sFlow (IANA).
pub const DEFAULT_UDP_PORTS: [u16; 3] = [2055, 4739, 6343];

/// TCP port of IPFIX (IANA).
pub const DEFAULT_TCP_PORT: u16 = 4739;
/// TCP port of IPFIX over TLS (IANA).
pub const DEFAULT_TLS_PORT: u16 = 4740;

/// What the process runs with.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// The file that was read, if any.
    pub file: Option<PathBuf>,
    /// Folder of everything that Meridian keeps.
    pub data_dir: PathBuf,
    /// UDP addresses that export datagrams arrive at; empty means the default ports on all addresses.
    pub listen_udp: Vec<SocketAddr>,
    /// Receive buffer asked of the kernel for each UDP socket, in bytes.
    pub receive_buffer_bytes: usize,
    /// TCP addresses that IPFIX connections arrive at; `None` means port 4739 wherever UDP is received there.
    pub listen_tcp: Option<Vec<SocketAddr>>,
    /// IPFIX over TLS, if it is received.
    pub listen_tls: Option<tls::Settings>,
    /// A TCP or TLS connection without a message for so long is closed.
    pub idle_timeout: Duration,
    /// Threads that receive, each with a socket for every UDP address.
    pub workers: usize,
    /// What the operator decided about what comes.
    pub rules: Rules,
    /// Address of the pages and the API; `None` leaves it to `Leptos.toml`.
    pub http_address: Option<SocketAddr>,
    /// Names that pages are reached by, besides addresses, `localhost` and the machine's own.
    pub hosts: Vec<String>,
    /// Origins besides the server's own that may open the live stream, as `https://host:port`.
    pub allowed_origins: Vec<String>,
    /// Geolocation databases; empty means all in `geolocation/` of the data folder.
    pub databases: Vec<PathBuf>,
    /// Networks whose place and membership are given by the operator.
    pub home_networks: Vec<HomeNetworkSetting>,
    /// Where the default home ranges are, if the operator says so.
    pub home: Option<HomeLocation>,
    /// What is kept of the past.
    pub history: HistorySettings,
    /// How reports are written.
    pub reports: ReportSettings,
    /// Whether the names of addresses are asked of the system's resolver.
    pub has_host_names: bool,
    /// How logs are written.
    pub log_format: LogFormat,
    /// Which logs are written, as a `tracing` filter.
    pub log_level: String,
    /// Time that open connections get to end after a stop signal.
    pub shutdown_deadline: Duration,
    /// The demo exporter's settings, when it runs.
    pub demo: Option<Demo>,
}

/// Settings of the built-in exporter of synthetic traffic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Demo {
    /// Seed of its random numbers.
    pub seed: u64,
    /// Mean flow records per second.
    pub flows_per_second: u32,
}

/// Why there is no usable configuration. The text says what to do.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the configuration file {path}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file says something that is not understood.
    #[error("{0}")]
    Invalid(String),
}

impl Config {
    /// The configuration that the flags, the environment (already part of the flags) and the file give.
    pub fn load(flags: &RunFlags) -> Result<Self, ConfigError> {
        let path = match &flags.config {
            Some(path) => Some(path.clone()),
            None => Some(PathBuf::from(DEFAULT_FILE)).filter(|path| path.exists()),
        };
        let file = match &path {
            Some(path) => ConfigFile::read(path)?,
            None => ConfigFile::default(),
        };
        let config = Self::merge(flags, file, path);
        telemetry::check(&config.log_level).map_err(ConfigError::Invalid)?;
        for origin in &config.allowed_origins {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            if host.is_none_or(|host| host.is_empty() || host.contains('/')) {
                return Err(ConfigError::Invalid(format!(
                    "http.allowed_origins: \"{origin}\" is no origin: write it like \"https://noc.example.org\" or \"http://192.0.2.7:8080\""
                )));
            }
        }
        Ok(config)
    }

    /// Flags win over the file, the file over the defaults.
    fn merge(flags: &RunFlags, mut file: ConfigFile, path: Option<PathBuf>) -> Self {
        let demo = flags.demo.then_some(Demo {
            seed: flags.demo_seed.unwrap_or(1),
            flows_per_second: flags.demo_flows_per_second.unwrap_or(60),
        });
        let mut rules = file.rules();
        let listen_udp = flags.listen_udp.clone().or(file.listen.udp).unwrap_or_default();
        if demo.is_some() {
            let own = listen_udp.first().map(SocketAddr::ip);
            own.into_iter().chain(DEMO_SOURCES).for_each(|source| rules.admission.admit(source));
        }
        Self {
            file: path,
            data_dir: flags.data_dir.clone().or(file.data_dir).unwrap_or_else(|| PathBuf::from("data")),
            listen_udp,
            receive_buffer_bytes: file.listen.receive_buffer_bytes.unwrap_or(64 << 20),
            listen_tcp: flags.listen_tcp.clone().or(file.listen.tcp),
            listen_tls: file.listen.tls,
            idle_timeout: Duration::from_secs(file.listen.idle_timeout_s.map_or(1_800, u32::from).into()),
            workers: file.listen.worker_count.unwrap_or_else(default_workers),
            rules,
            http_address: flags.http_address.or(file.http.address),
            hosts: file.http.hosts,
            allowed_origins: file.http.allowed_origins,
            databases: flags.databases.clone().or(file.geolocation.databases).unwrap_or_default(),
            home_networks: file.home_networks.into_iter().map(toml::Spanned::into_inner).collect(),
            home: flags.home.clone().or(file.home_location),
            history: HistorySettings::new(&file.history, flags.no_history),
            reports: file.report_settings,
            has_host_names: file.names.reverse_dns,
            log_format: flags.log_format.or(file.log.format).unwrap_or_default(),
            log_level: flags.log_level.clone().or(file.log.level).unwrap_or_else(|| "info".to_owned()),
            shutdown_deadline: Duration::from_secs(file.shutdown.deadline_s.unwrap_or(10)),
            demo,
        }
    }

    /// Folder where set-up and operators put the geolocation databases.
    pub fn database_folder(&self) -> PathBuf {
        self.data_dir.join("geolocation")
    }

    /// File that keeps the home location that was set on the settings page.
    pub fn home_file(&self) -> PathBuf {
        self.data_dir.join("home.json")
    }

    /// TCP addresses that IPFIX connections arrive at. `None` stands for port 4739 of all addresses.
    pub fn tcp_addresses(&self) -> Option<Vec<SocketAddr>> {
        if self.listen_tcp.is_some() || self.listen_udp.is_empty() {
            return self.listen_tcp.clone();
        }
        let is_ipfix = |address: &&SocketAddr| address.port() == DEFAULT_TCP_PORT;
        Some(self.listen_udp.iter().filter(is_ipfix).copied().collect())
    }

    /// Folder of the flow records.
    pub fn archive_folder(&self) -> PathBuf {
        self.data_dir.join("archive")
    }

    /// File of the sums.
    pub fn store_file(&self) -> PathBuf {
        self.data_dir.join("meridian.sqlite")
    }

    /// File that keeps templates and sequence numbers over a restart.
    pub fn state_file(&self) -> PathBuf {
        self.data_dir.join("collector-state")
    }

    /// What geolocation is made of. A home location from the configuration wins over the one that was set on a page.
    pub fn geolocation(&self) -> Settings {
        let databases =
            if self.databases.is_empty() { vec![self.database_folder()] } else { self.databases.clone() };
        Settings {
            databases,
            home_networks: self.home_networks.clone(),
            home: self.home.clone().or_else(|| home::read(&self.home_file())),
        }
    }
}

/// One thread decodes and locates more than a million flows a second, so the other cores are left to what comes behind.
fn default_workers() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    (cores / 4).clamp(1, 8)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::Parser;

    use super::flags::CommandLine;
    use super::*;
    use crate::server::collector::quirks;
    use crate::server::collector::sampling::Precedence;
    use crate::server::wire::out_counters::OutCounters;

    fn merged(arguments: &[&str], file: &str) -> Config {
        let line = CommandLine::try_parse_from(std::iter::once("meridian").chain(arguments.iter().copied()))
            .unwrap();
        Config::merge(&line.run_flags(), ConfigFile::parse(file, Path::new("meridian.toml")).unwrap(), None)
    }

    #[test]
    fn a_flag_wins_over_the_file_and_the_file_over_the_default() {
        let file = "data_dir = \"/srv/m\"\n[http]\naddress = \"127.0.0.1:8080\"";
        assert_eq!(merged(&[], file).data_dir, PathBuf::from("/srv/m"));
        assert_eq!(merged(&["--data-dir", "/x"], file).data_dir, PathBuf::from("/x"));
        assert_eq!(merged(&["run", "--data-dir", "/x"], file).data_dir, PathBuf::from("/x"));
        assert_eq!(merged(&[], "").data_dir, PathBuf::from("data"));
        assert_eq!(merged(&[], file).http_address.unwrap().port(), 8080);
    }

    #[test]
    fn what_out_counters_of_an_exporter_mean_comes_from_the_file() {
        let file = "[[quirks]]\nexporters = [\"192.0.2.0/24\", \"2001:db8::7\"]\nout_counters = \"reverse\"";
        let quirks = merged(&[], file).rules.quirks;
        let of = |exporter: &str| quirks::out_counters(&quirks, exporter.parse().unwrap());
        assert_eq!((of("192.0.2.9"), of("2001:db8::7")), (OutCounters::Reverse, OutCounters::Reverse));
        assert_eq!(of("198.51.100.1"), OutCounters::Automatic);
        let wrong = ConfigFile::parse(&file.replace("reverse", "back"), Path::new("meridian.toml"));
        assert!(wrong.unwrap_err().to_string().contains("`post`"));
        let nobody = "[[quirks]]\nexporters = []\nout_counters = \"post\"";
        let error = ConfigFile::parse(nobody, Path::new("meridian.toml")).unwrap_err().to_string();
        assert!(error.starts_with("meridian.toml:1:1: name the exporters"), "{error}");
    }

    #[test]
    fn sampling_rules_reach_the_collector_in_their_order() {
        let file = "[[sampling]]\nexporters = [\"192.0.2.0/24\"]\nobservation_domain = 7\ninterval = 1000\nuse = \"override\"\n[[sampling]]\nexporters = [\"192.0.2.0/24\"]\ninterval = 1\n";
        let rules = merged(&[], file).rules.sampling;
        let said = rules.iter().map(|rule| (rule.observation_domain, rule.interval, rule.precedence));
        let expected = [(Some(7), 1000, Precedence::Override), (None, 1, Precedence::Default)];
        assert_eq!(said.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn tcp_is_received_where_udp_is_unless_the_operator_says_otherwise() {
        let tcp = |arguments: &[&str], file| merged(arguments, file).tcp_addresses();
        assert_eq!(tcp(&[], ""), None);
        let udp = "[listen]\nudp = [\"192.0.2.1:2055\", \"192.0.2.1:4739\"]";
        assert_eq!(tcp(&[], udp), Some(vec!["192.0.2.1:4739".parse().unwrap()]));
        assert_eq!(tcp(&["--listen-udp", "127.0.0.1:0"], udp), Some(vec![]));
        assert_eq!(tcp(&[], "[listen]\ntcp = []"), Some(vec![]));
        let other = Some(vec!["127.0.0.1:7000".parse().unwrap()]);
        assert_eq!(tcp(&["--listen-tcp", "127.0.0.1:7000"], "[listen]\ntcp = []"), other);
    }

    #[test]
    fn what_is_kept_comes_from_the_file_and_a_flag_turns_it_off() {
        let file = "[history]\narchive_keep_days = 3\narchive_keep_bytes = \"500M\"\ndays_keep_days = 900\n";
        let history = merged(&[], file).history;
        assert_eq!((history.archive_keep_days, history.archive_keep_bytes), (3, 500 << 20));
        assert_eq!((history.is_enabled, history.days_keep_days), (true, Some(900)));
        assert!(!merged(&["--no-history"], file).history.is_enabled);
        assert!(!merged(&[], "[history]\nenabled = false").history.is_enabled);
    }

    #[test]
    fn no_name_of_an_address_is_asked_for_unless_the_file_says_so() {
        assert!(!merged(&[], "").has_host_names);
        assert!(!merged(&[], "[names]").has_host_names);
        assert!(merged(&[], "[names]\nreverse_dns = true").has_host_names);
    }

    #[test]
    fn home_and_its_networks_come_from_the_file() {
        let config = merged(
            &[],
            "[home]\nname = \"HQ\"\nlatitude = -33.31\nlongitude = 26.52\n\n[[home_networks]]\nname = \"campus\"\nnetworks = [\"146.231.0.0/16\", \"2001:4200::/32\"]\nplace = \"Makhanda, ZA\"",
        );
        assert_eq!(config.home.unwrap().name, "HQ");
        assert_eq!(config.home_networks.len(), 1);
    }
}
