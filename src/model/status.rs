//! How the process is: what the status API, the badge and the notices on every page show.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::admission::AdmissionStatus;
use super::double_counting::DoubleCounting;
use super::place::HomeNetwork;
use super::traffic::Traffic;

/// The state of the whole process at one moment.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Version of Meridian.
    pub version: String,
    /// When the process started, milliseconds since 1970.
    pub started_ms: i64,
    /// When this was written, milliseconds since 1970.
    pub now_ms: i64,
    /// Everything decoded since the start.
    pub traffic: Traffic,
    /// Receive time of the latest datagram, if any came.
    pub last_received_ms: Option<i64>,
    /// Number of exporters known.
    pub exporters: u64,
    /// The sockets that wait for export datagrams.
    pub listeners: Vec<Listener>,
    /// The state of the geolocation.
    pub geolocation: GeolocationStatus,
    /// The home networks, in the order in which they are looked up.
    pub home_networks: Vec<HomeNetwork>,
    /// True when the home location can be set on the settings page (it is not in the configuration).
    pub home_can_be_set: bool,
    /// True while the built-in demo exporter runs.
    pub is_demo: bool,
    /// Connected clients of the live stream.
    pub stream_clients: u64,
    /// Flow records that the live feed could not take because its queue was full.
    pub live_dropped: u64,
    /// Who may export how much, and what others sent.
    pub admission: AdmissionStatus,
    /// Where flows look as if they were counted twice.
    pub double_counting: Vec<DoubleCounting>,
    /// What is wrong besides, for people, with what to do about it.
    pub notices: Vec<String>,
}

/// How export messages arrive at a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Datagrams.
    Udp,
    /// IPFIX messages in connections.
    Tcp,
    /// IPFIX messages in connections secured by TLS.
    Tls,
}

impl Transport {
    /// The name in lists and the label in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

/// One listening address; over UDP the sockets of all workers together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Listener {
    /// Address it is bound to.
    #[schema(value_type = String)]
    pub address: SocketAddr,
    /// Receive buffer the kernel granted, in bytes of kernel memory; 0 for TCP and TLS, where each connection has one.
    pub receive_buffer_bytes: u64,
    /// Receive buffer in use at the last look, in bytes of kernel memory.
    pub receive_buffer_used_bytes: u64,
    /// Datagrams received; over TCP and TLS, messages.
    pub datagrams: u64,
    /// Datagrams that the kernel dropped because the buffer was full.
    pub kernel_drops: u64,
    /// How messages arrive here.
    pub transport: Transport,
    /// Connections open now; 0 for UDP.
    pub connections: u64,
}

/// Which databases answer, and whether they do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GeolocationStatus {
    /// The databases in use.
    pub databases: Vec<Database>,
    /// What is wrong, for people: a missing or damaged database and what to do about it.
    pub problems: Vec<String>,
}

impl GeolocationStatus {
    /// True when addresses can be given a country.
    pub fn has_places(&self) -> bool {
        self.databases.iter().any(|database| database.kind == DatabaseKind::Place)
    }

    /// True when the attribution of DB-IP has to be shown.
    pub fn needs_db_ip_attribution(&self) -> bool {
        self.databases.iter().any(|database| database.is_db_ip)
    }
}

/// What a database answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DatabaseKind {
    /// Country and maybe city.
    Place,
    /// Autonomous system.
    AutonomousSystem,
}

/// One database file in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Database {
    /// What it answers.
    pub kind: DatabaseKind,
    /// File name without its folder.
    pub file: String,
    /// Type as the file states it.
    pub database_type: String,
    /// When it was built, seconds since 1970.
    pub built_s: u64,
    /// Ranges of addresses it distinguishes, IPv4 and IPv6 together.
    pub ranges: u64,
    /// True when it comes from DB-IP, whose licence asks for a link.
    pub is_db_ip: bool,
}
