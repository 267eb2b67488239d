//! What server functions, the REST API and the metrics ask: the running process.

use std::io;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use thiserror::Error;

use super::collector::exporter::ExporterSnapshot;
use super::collector::report::Report;
use super::collector::running::Collector;
use super::collector::socket;
use super::collector::state_file::StateFile;
use super::collector::tcp_listener::StreamListeners;
use super::config::Config;
use super::geolocation::{Current, Geolocation};
use super::history::account::Account;
use super::history::answers::History;
use super::history::naming::Naming;
use super::history::recording::Recording;
use super::home;
use super::host_names::HostNames;
use super::live::Hub;
use super::replay::Replays;
use super::reports::Reports;
use crate::model::admission::AdmissionStatus;
use crate::model::exporter::Exporter;
use crate::model::frame::Snapshot;
use crate::model::history::HistoryStatus;
use crate::model::place::{City, HomeLocation};
use crate::model::status::Status;

/// Cities kept as map labels.
const MAX_CITIES: usize = 5_000;

/// What receives, and what it keeps over a restart.
#[derive(Debug)]
pub struct Collecting {
    /// The collecting threads.
    pub collector: Collector,
    /// The listeners for TCP and TLS.
    pub streams: StreamListeners,
    /// What outlives the process of them.
    pub state_file: Arc<StateFile>,
}

/// What is kept of the past.
#[derive(Debug)]
pub struct Past {
    /// What stores it.
    pub recording: Recording,
    /// What answers questions about it.
    pub history: Arc<History>,
    /// What plays it.
    pub replays: Arc<Replays>,
    /// What writes reports about it.
    pub reports: Arc<Reports>,
}

/// The running process, shared by everything that answers requests.
#[derive(Debug)]
pub struct Context {
    config: Config,
    collecting: Collecting,
    past: Past,
    geolocation: Arc<Current>,
    host_names: Option<Arc<HostNames>>,
    hub: Arc<Hub>,
    started_ms: i64,
    cities: Mutex<(Weak<Geolocation>, Vec<City>)>,
}

/// Why the home location was not set.
#[derive(Debug, Error)]
pub enum SetHomeError {
    /// The input makes no sense; the text says what to write.
    #[error("{0}")]
    Invalid(&'static str),
    /// The configuration says where home is, and wins.
    #[error("the home location is set in the configuration; change it there")]
    Configured,
    /// It could not be kept.
    #[error("the home location could not be saved")]
    NotSaved(#[source] io::Error),
}

impl Context {
    /// Puts the parts of the process together.
    pub fn new(
        config: Config,
        collecting: Collecting,
        past: Past,
        geolocation: Arc<Current>,
        hub: Arc<Hub>,
        started_ms: i64,
    ) -> Self {
        Self {
            host_names: config.has_host_names.then(HostNames::of_system),
            config,
            collecting,
            past,
            geolocation,
            hub,
            started_ms,
            cities: Mutex::default(),
        }
    }

    /// The collecting threads.
    pub fn collector(&self) -> &Collector {
        &self.collecting.collector
    }

    /// The listeners for TCP and TLS.
    pub fn streams(&self) -> &StreamListeners {
        &self.collecting.streams
    }

    /// What stores the past.
    pub const fn recording(&self) -> &Recording {
        &self.past.recording
    }

    /// The live feed.
    pub fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The past.
    pub fn history(&self) -> &History {
        &self.past.history
    }

    /// Replays of the past.
    pub const fn replays(&self) -> &Arc<Replays> {
        &self.past.replays
    }

    /// Reports.
    pub const fn reports(&self) -> &Arc<Reports> {
        &self.past.reports
    }

    /// What values are called.
    pub fn naming(&self) -> Naming {
        Naming::new(self.geolocation.load(), self.collector().exporters(), self.host_names.clone())
    }

    /// Names of addresses, where the configuration lets them be asked for.
    pub const fn host_names(&self) -> Option<&Arc<HostNames>> {
        self.host_names.as_ref()
    }

    /// Origins besides the server's own that may open the live stream.
    pub fn allowed_origins(&self) -> &[String] {
        &self.config.allowed_origins
    }

    /// Names that this server answers to, besides addresses and its own.
    pub fn hosts(&self) -> &[String] {
        &self.config.hosts
    }

    /// The state of the whole process.
    pub fn status(&self) -> Status {
        let report = self.report();
        let geolocation = self.geolocation.load();
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started_ms: self.started_ms,
            now_ms: socket::now_us() / 1_000,
            traffic: report.counters.traffic,
            last_received_ms: report.last_received_us.map(|time| time / 1_000),
            exporters: report.exporters,
            live_dropped: report.live_dropped,
            listeners: report.listeners.iter().cloned().chain(self.streams().status()).collect(),
            geolocation: geolocation.status(),
            home_networks: geolocation.home_networks(),
            home_can_be_set: self.config.home.is_none(),
            is_demo: self.config.demo.is_some(),
            stream_clients: self.hub.metrics().clients(),
            admission: AdmissionStatus {
                networks: self.config.rules.admission.networks().to_vec(),
                datagrams_not_admitted: report.counters.datagrams_not_admitted,
                not_admitted: report.not_admitted.clone(),
                not_admitted_replaced: report.counters.not_admitted_replaced,
                flow_records_per_second: self.config.rules.rate_limit.map(NonZeroU32::get),
                rate_limited_records: report.counters.rate_limited_records,
            },
            double_counting: report.double_counting.to_vec(),
            notices: self.notices(),
        }
    }

    /// What the collecting threads have counted.
    pub fn report(&self) -> Arc<Report> {
        self.collector().report()
    }

    /// Where the flow records are that the history was handed; `None` when none is kept.
    pub fn history_account(&self) -> Option<Account> {
        self.past.recording.account(self.report().history_dropped)
    }

    /// How the history is.
    pub fn history_status(&self) -> HistoryStatus {
        self.past.recording.status(self.report().history_dropped)
    }

    /// What the process could not keep, and what to do about it.
    fn notices(&self) -> Vec<String> {
        let mut notices = self.collecting.state_file.notices();
        notices.extend(self.past.recording.notices(self.report().history_dropped));
        notices.extend(self.reports().notices());
        notices
    }

    /// Every exporter known, with its templates.
    pub fn exporters(&self) -> Vec<Exporter> {
        self.collector().exporters().iter().cloned().map(ExporterSnapshot::into_exporter).collect()
    }

    /// The unfiltered live view.
    pub fn snapshot(&self) -> Snapshot {
        self.hub.snapshot()
    }

    /// Cities as map labels, by how many addresses are there, most first; at most 5,000. Gathered once for
    /// each geolocation, which takes a tenth of a second.
    pub fn cities(&self, most: usize) -> Vec<City> {
        let geolocation = self.geolocation.load();
        let mut kept = self.cities.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.0.as_ptr() != Arc::as_ptr(&geolocation) {
            *kept = (Arc::downgrade(&geolocation), geolocation.cities(MAX_CITIES));
        }
        kept.1.iter().take(most).cloned().collect()
    }

    /// Says where the default home ranges are, and keeps it.
    pub fn set_home(&self, home: &HomeLocation) -> Result<(), SetHomeError> {
        if self.config.home.is_some() {
            return Err(SetHomeError::Configured);
        }
        let home = HomeLocation { name: home.name.trim().to_owned(), ..*home };
        if let Some(fault) = home.fault() {
            return Err(SetHomeError::Invalid(fault));
        }
        home::write(&self.config.home_file(), &home).map_err(|error| {
            tracing::error!(%error, file = %self.config.home_file().display(), "cannot save the home location");
            SetHomeError::NotSaved(error)
        })?;
        self.geolocation.set_home(Some(home));
        Ok(())
    }
}
