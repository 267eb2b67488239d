//! What `meridian.toml` may say. Unknown keys are errors; an error names the line and a way out.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use super::flags::LogFormat;
use super::suggestion;
use crate::model::place::HomeLocation;
use crate::server::geolocation::{HomeNetworkSetting, Network};

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
    pub home: Option<Home>,
    /// Networks that are home, each with its own place.
    #[serde(default)]
    pub home_networks: Vec<HomeNetwork>,
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
}

/// Section `[http]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Address with port. Default: `site-addr` of `Leptos.toml`, 127.0.0.1:3000. Variable `MERIDIAN_HTTP_ADDRESS`.
    pub address: Option<SocketAddr>,
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
    pub latitude: Latitude,
    /// Degrees east.
    pub longitude: Longitude,
}

/// One `[[home_networks]]` entry. Without a place its networks are drawn at `[home]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeNetwork {
    /// Name shown at the marker.
    pub name: String,
    /// CIDRs, IPv4 and IPv6.
    pub networks: Vec<Network>,
    /// Degrees north; needs `longitude`.
    pub latitude: Option<Latitude>,
    /// Degrees east; needs `latitude`.
    pub longitude: Option<Longitude>,
    /// `City, CC`, looked up in the geolocation database.
    pub place: Option<String>,
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

/// Degrees north, −90 to 90.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f32")]
pub struct Latitude(pub f32);

impl TryFrom<f32> for Latitude {
    type Error = String;

    fn try_from(degrees: f32) -> Result<Self, String> {
        if (-90.0..=90.0).contains(&degrees) {
            Ok(Self(degrees))
        } else {
            Err(format!("{degrees} is no latitude: write degrees north, from -90 to 90"))
        }
    }
}

/// Degrees east, −180 to 180.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "f32")]
pub struct Longitude(pub f32);

impl TryFrom<f32> for Longitude {
    type Error = String;

    fn try_from(degrees: f32) -> Result<Self, String> {
        if (-180.0..=180.0).contains(&degrees) {
            Ok(Self(degrees))
        } else {
            Err(format!("{degrees} is no longitude: write degrees east, from -180 to 180"))
        }
    }
}

impl From<Home> for HomeLocation {
    fn from(home: Home) -> Self {
        Self {
            name: home.name.unwrap_or_else(|| "home".to_owned()),
            latitude: home.latitude.0,
            longitude: home.longitude.0,
        }
    }
}

impl From<HomeNetwork> for HomeNetworkSetting {
    fn from(network: HomeNetwork) -> Self {
        Self {
            name: network.name,
            networks: network.networks,
            coordinates: network.latitude.zip(network.longitude).map(|(north, east)| (north.0, east.0)),
            place: network.place,
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
        let file: Self = toml::from_str(text)
            .map_err(|error| ConfigError::Invalid(suggestion::explain(text, path, &error)))?;
        for network in &file.home_networks {
            if network.latitude.is_some() != network.longitude.is_some() {
                return Err(ConfigError::Invalid(format!(
                    "{}: home network \"{}\" has one of latitude and longitude: write both, or `place = \"City, CC\"`",
                    path.display(),
                    network.name
                )));
            }
            if network.networks.is_empty() {
                return Err(ConfigError::Invalid(format!(
                    "{}: home network \"{}\" has no networks: write CIDRs such as networks = [\"192.0.2.0/24\"]",
                    path.display(),
                    network.name
                )));
            }
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
    fn an_impossible_latitude_is_an_error_with_its_line() {
        let message = error("[home]\nlatitude = 91.0\nlongitude = 0.0\n");
        assert!(message.contains("meridian.toml:2"), "{message}");
        assert!(message.contains("-90 to 90"), "{message}");
    }

    #[test]
    fn an_address_without_a_port_is_an_error_that_says_so() {
        let message = error("[listen]\nudp = [\"0.0.0.0\"]\n");
        assert!(message.contains("meridian.toml:2"), "{message}");
    }

    #[test]
    fn a_home_network_needs_both_coordinates() {
        let message = error("[[home_networks]]\nname = \"a\"\nnetworks = [\"10.0.0.0/8\"]\nlatitude = 1.0\n");
        assert!(message.contains("longitude"), "{message}");
    }
}
