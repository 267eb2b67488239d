//! What `meridian.toml` may say. Unknown keys are errors; an error names the line and a way out.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

use super::ConfigError;
use super::flags::LogFormat;
use super::suggestion;
use crate::model::place::HomeLocation;
use crate::server::collector::steering::MAX_WORKERS;
use crate::server::geolocation::HomeNetworkSetting;

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
    /// Logs.
    #[serde(default)]
    pub log: Log,
    /// How the process ends.
    #[serde(default)]
    pub shutdown: Shutdown,
}

/// Section `[listen]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listen {
    /// UDP addresses with port. Default: 2055, 4739 and 6343 on all addresses. Variable `MERIDIAN_LISTEN_UDP`.
    pub udp: Option<Vec<SocketAddr>>,
    /// Receive buffer asked of the kernel for each socket, in bytes. Default 67,108,864.
    pub receive_buffer_bytes: Option<usize>,
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
        for network in &file.home_networks {
            network.get_ref().check().map_err(|fault| wrong(network.span(), &fault))?;
        }
        Ok(file)
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
