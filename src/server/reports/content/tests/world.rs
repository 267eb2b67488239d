//! A history with known flows over two months.

use std::fs;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use jiff::Timestamp;
use mmdb_writer::ipnet::IpNet;
use mmdb_writer::{IpVersion, Value, Writer};
use tempfile::TempDir;

use crate::model::flow_record::{ExporterId, FlowRecord, LocatedFlow};
use crate::model::report::{Period, Report, ReportQuestion, Section};
use crate::model::time_range::TimeRange;
use crate::server::archive::query::Queries;
use crate::server::archive::{Archive, Settings};
use crate::server::collector::batch::FlowBatch;
use crate::server::geolocation::{self, Current, Geolocation};
use crate::server::history::answers::History;
use crate::server::history::error::QuestionError;
use crate::server::history::naming::Naming;
use crate::server::history::opening;
use crate::server::history::planner::Tiers;
use crate::server::reports::content::make;
use crate::server::store::{Retention, Store};

pub const HOUR_MS: i64 = 3_600_000;
/// When the reports are made: the third hour of November in Berlin.
pub const NOW: &str = "2026-11-01T02:00:00Z";
/// Where the world begins: September in Berlin.
pub const BEGIN: &str = "2026-08-31T22:00:00Z";
/// From here on there are flow records.
pub const RECORDS_FROM: &str = "2026-10-20T00:00:00Z";
/// Bytes that come from France in an hour, that go to Germany, and that came from London once.
pub const FROM_FRANCE: u64 = 3_600_000;
pub const TO_GERMANY: u64 = 1_800_000;
pub const FROM_LONDON: u64 = 3_600_000_000;

pub fn at(text: &str) -> i64 {
    text.parse::<Timestamp>().unwrap().as_millisecond()
}

pub fn range(from: &str, to: &str) -> TimeRange {
    TimeRange::new(at(from), at(to)).unwrap()
}

fn geolocation() -> Arc<Geolocation> {
    static KNOWN: OnceLock<Arc<Geolocation>> = OnceLock::new();
    let load = || {
        let mut writer = Writer::builder("GeoIP2-City").ip_version(IpVersion::V4).build();
        let named = |name: &str| Value::map([("names", Value::map([("en", Value::from(name))]))]);
        for (network, code, city) in
            [("81.0.0.0/8", "GB", "London"), ("82.0.0.0/8", "FR", "Lyon"), ("83.0.0.0/8", "DE", "Berlin")]
        {
            let country = Value::map([("iso_code", Value::from(code))]);
            let place = Value::map([("city", named(city)), ("country", country)]);
            writer.insert_value(network.parse::<IpNet>().unwrap(), place).unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("places.mmdb");
        fs::write(&file, writer.to_bytes().unwrap()).unwrap();
        let settings = geolocation::Settings { databases: vec![file], ..Default::default() };
        Arc::new(Geolocation::load(&settings))
    };
    Arc::clone(KNOWN.get_or_init(load))
}

/// An end of a flow, with its AS.
type End = (&'static str, u32);

const HOME: End = ("10.0.0.1", 0);
const OTHER_HOME: End = ("10.0.0.2", 0);
const LYON: End = ("82.0.0.1", 3215);
const BERLIN: End = ("83.0.0.1", 3320);
const LONDON: End = ("81.1.1.1", 2856);

fn flow(received_ms: i64, ends: (End, End), bytes: u64, service: (u16, u8), exporter: u32) -> FlowRecord {
    let ((source, source_as), (destination, destination_as)) = ends;
    FlowRecord {
        source_address: source.parse().unwrap(),
        destination_address: destination.parse().unwrap(),
        source_port: 50_000,
        destination_port: service.0,
        protocol: service.1,
        bytes,
        packets: 2,
        sampling_interval: 1,
        source_as,
        destination_as,
        exporter: ExporterId(exporter),
        received_ms,
        ..FlowRecord::default()
    }
}

/// Every hour of September and October something comes from France (ten past) and something goes to Germany (twenty
/// to), except for two hours in which the second exporter is silent. Once something comes from London, and once
/// something stays at home.
fn flows() -> Vec<FlowRecord> {
    let silent = range("2026-10-07T03:00:00Z", "2026-10-07T05:00:00Z");
    let mut flows = vec![
        flow(at("2026-10-10T10:30:00Z"), (LONDON, HOME), FROM_LONDON, (443, 6), 0),
        flow(at("2026-10-05T18:45:00Z"), (HOME, OTHER_HOME), 200, (22, 6), 0),
    ];
    let mut hour = at(BEGIN);
    while hour < at("2026-10-31T23:00:00Z") {
        let minute = |minute: i64| hour + minute * 60_000;
        flows.push(flow(minute(10), (LYON, HOME), FROM_FRANCE, (443, 6), 0));
        if !silent.contains(minute(40)) {
            flows.push(flow(minute(40), (OTHER_HOME, BERLIN), TO_GERMANY, (53, 17), 1));
        }
        hour += HOUR_MS;
    }
    flows.sort_by_key(|flow| flow.received_ms);
    flows
}

pub struct World {
    pub history: History,
    pub naming: Naming,
    _folder: TempDir,
}

/// Flows were collected from a moment on, all of them are in the sums, and of the last days there are flow records.
pub async fn world(collected_from: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let settings =
        Settings { folder: folder.path().join("archive"), keep_s: None, keep_bytes: None, min_free_bytes: 0 };
    let archive = Arc::new(Archive::open(settings, at(BEGIN)).unwrap());
    let retention = Retention { minutes: None, hours: None, days: None };
    let (store, _) = Store::open(folder.path(), retention, at(NOW)).await.unwrap();
    let exporters: Arc<[IpAddr]> = Arc::from([[192, 0, 2, 1].into(), [192, 0, 2, 2].into()]);
    let flows: Vec<FlowRecord> =
        flows().into_iter().filter(|flow| flow.received_ms >= at(collected_from)).collect();
    let first = flows.partition_point(|flow| flow.received_ms < at(RECORDS_FROM));
    if first > 0 {
        archive.covered(first as u64).unwrap();
    }
    for (index, flow) in flows.iter().enumerate() {
        let mut located: Vec<LocatedFlow> = Vec::new();
        geolocation().locate_all(std::slice::from_ref(flow), &mut located);
        let batch = FlowBatch {
            oldest_received_us: flow.received_ms * 1_000,
            newest_received_us: flow.received_ms * 1_000,
            geolocation: geolocation(),
            exporters: Arc::clone(&exporters),
            flows: located.into(),
        };
        store.add(&batch, index as u64);
        if index >= first {
            archive.append(&batch).unwrap();
        }
    }
    store.add_collected(range(collected_from, NOW));
    store.commit(at(NOW)).await.unwrap();
    archive.flush(at(NOW)).unwrap();
    let queries = Queries::new(Arc::clone(&archive), folder.path().join("spill")).unwrap();
    let tiers = Tiers::new(archive, queries, Arc::new(store));
    let history =
        History::new(Arc::new(opening::Kept::from(tiers)), Arc::new(Current::new(known_geolocation())));
    World { history, naming: Naming::new(geolocation(), Arc::default(), None), _folder: folder }
}

fn known_geolocation() -> Geolocation {
    Geolocation::without_databases(&geolocation::Settings::default())
}

pub fn question(period: Period, zone: &str, range: TimeRange) -> ReportQuestion {
    ReportQuestion {
        title: String::new(),
        period,
        range,
        zone: zone.to_owned(),
        filter: String::new(),
        sections: Section::ALL.to_vec(),
    }
}

impl World {
    pub async fn report(&self, question: &ReportQuestion) -> Result<Report, QuestionError> {
        make(&self.history, &self.naming, question, at(NOW)).await
    }

    /// October in Berlin.
    pub async fn october(&self) -> Report {
        let october = range("2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z");
        self.report(&question(Period::Month, "Europe/Berlin", october)).await.unwrap()
    }
}

/// With plain spaces.
pub fn plain(texts: &[String]) -> String {
    texts.join("\n").replace('\u{202f}', " ")
}
