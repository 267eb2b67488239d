//! The API as its users meet it: over HTTP, with a history on disk behind it.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::{Handle, Runtime};
use tokio_util::sync::CancellationToken;

use crate::model::flow_record::FlowRecord;
use crate::server::collector::batch::FlowBatch;
use crate::server::collector::intake::Intake;
use crate::server::collector::limits::Limits;
use crate::server::collector::listener::Listener;
use crate::server::collector::running::Collector;
use crate::server::collector::socket::now_us;
use crate::server::collector::state_file::StateFile;
use crate::server::collector::steering::Steering;
use crate::server::collector::tcp_listener::{self, StreamListeners};
use crate::server::config::Config;
use crate::server::config::flags::RunFlags;
use crate::server::context::{Collecting, Context, Past};
use crate::server::geolocation::{Current, Geolocation, Settings};
use crate::server::history::answers::History;
use crate::server::history::handed::Handed;
use crate::server::history::opening::Opening;
use crate::server::history::recording::Recording;
use crate::server::live::{self, Hub};
use crate::server::replay::{self, Replays};
use crate::server::reports::{Reports, wiring};
use crate::server::transport::{self, InProcess};

const FLOWS: u64 = 300;

/// A process that has kept some flows, and serves the API.
struct Site {
    address: SocketAddr,
    /// When the flows came.
    received_ms: i64,
    runtime: Runtime,
    _folder: TempDir,
}

fn config(folder: &Path) -> Config {
    let file = folder.join("meridian.toml");
    std::fs::write(&file, "[history]\nmin_free_bytes = \"1M\"\n").unwrap();
    let flags = RunFlags { config: Some(file), data_dir: Some(folder.join("data")), ..RunFlags::default() };
    Config::load(&flags).unwrap()
}

fn flow(number: u64, received_ms: i64) -> FlowRecord {
    FlowRecord {
        source_address: IpAddr::from([198, 51, 100, u8::try_from(number % 100).unwrap()]),
        destination_address: IpAddr::from([10, 0, 0, 1]),
        destination_port: if number.is_multiple_of(3) { 443 } else { 53 },
        protocol: if number.is_multiple_of(3) { 6 } else { 17 },
        bytes: 1_000,
        packets: 2,
        sampling_interval: 1,
        received_ms,
        start_ms: received_ms - 1_000,
        end_ms: received_ms,
        ..FlowRecord::default()
    }
}

fn collecting(geolocation: &Arc<Current>, readers: &InProcess, config: &Config) -> Collecting {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap(), 1 << 20).unwrap();
    let intake = Intake::new(Limits::default(), Arc::default());
    let steering = Steering::default();
    let collector =
        Collector::start(vec![listener], &steering, vec![intake], geolocation, readers, None).unwrap();
    let inlets = collector.inlets();
    let admission = config.rules.admission.clone();
    let limits = tcp_listener::Limits::default();
    let streams =
        StreamListeners::start(Vec::new(), limits, admission, move |exporter| inlets.of(exporter)).unwrap();
    let (state_file, _) = StateFile::open(config.state_file());
    Collecting { collector, streams, state_file }
}

impl Site {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime = Runtime::new().unwrap();
        let (address, received_ms) = runtime.block_on(Self::serve(config(folder.path())));
        Self { address, received_ms, runtime, _folder: folder }
    }

    async fn serve(config: Config) -> (SocketAddr, i64) {
        let (readers, live) = InProcess::channel();
        drop(live);
        let (queue, received) = transport::queue();
        let handed = Handed::default();
        let readers = readers.with_history(queue, &handed);
        let opening = Opening::new(&config, handed, Handle::current());
        let kept = Arc::clone(opening.kept());
        let recording = tokio::task::spawn_blocking(move || {
            Recording::start(opening.open().unwrap(), received, Handle::current()).unwrap()
        });
        let recording = recording.await.unwrap();
        let geolocation = Arc::new(Current::new(Geolocation::without_databases(&Settings::default())));
        let received_ms = now_us() / 1_000;
        let located = geolocation.load();
        let flows: Vec<_> = (0..FLOWS).map(|number| located.locate(&flow(number, received_ms))).collect();
        readers.for_worker(0).offer(FlowBatch {
            oldest_received_us: received_ms * 1_000,
            newest_received_us: received_ms * 1_000,
            geolocation: located,
            exporters: Arc::from([IpAddr::from([192, 0, 2, 1])]),
            flows: flows.into(),
        });
        let history = Arc::new(History::new(kept, Arc::clone(&geolocation)));
        let replays =
            Replays::new(replay::Limits::default(), Arc::clone(&history), Arc::clone(&geolocation)).unwrap();
        let reports = Arc::new(Reports::new(
            config.reports.clone(),
            wiring::shelf(&history),
            wiring::clock(),
            wiring::pdf_writer(&config.reports),
        ));
        let past = Past { recording, history, replays: Arc::new(replays), reports };
        let collecting = collecting(&geolocation, &readers, &config);
        let hub = Hub::new(live::Limits::default(), received_ms);
        let context = Context::new(config, collecting, past, geolocation, hub, received_ms);
        let began = Instant::now();
        while context.history_account().unwrap().stored < FLOWS {
            assert!(began.elapsed() < Duration::from_secs(30), "{:?}", context.history_account());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let context = Arc::new(context);
        let writing = Arc::clone(context.reports());
        tokio::spawn(writing.run(wiring::maker(&context), CancellationToken::new()));
        let router = super::router().with_state(context);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, router).await });
        (address, received_ms)
    }

    /// Status, headers and body. A stretch of an hour around the flows is asked for.
    fn get(&self, path: &str) -> (u16, String, Vec<u8>) {
        let moment = |ms: i64| {
            jiff::Timestamp::from_millisecond(ms).unwrap().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
        };
        let (from, to) = (moment(self.received_ms - 1_800_000), moment(self.received_ms + 1_800_000));
        let joint = if path.contains('?') { '&' } else { '?' };
        self.get_exactly(&format!("{path}{joint}from={from}&to={to}"))
    }

    fn get_exactly(&self, path: &str) -> (u16, String, Vec<u8>) {
        self.ask("GET", path, "")
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String, Vec<u8>) {
        let mut connection = TcpStream::connect(self.address).unwrap();
        let length = body.len();
        write!(
            connection,
            "{method} /api/v1/{path} HTTP/1.0\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).unwrap();
        let end = answer.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
        let head = String::from_utf8(answer[..end].to_vec()).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        (status, head, answer.split_off(end + 4))
    }

    fn json(&self, path: &str) -> Value {
        let (status, _, body) = self.get(path);
        let text = String::from_utf8_lossy(&body);
        assert_eq!(status, 200, "{text}");
        serde_json::from_slice(&body).unwrap()
    }

    fn refusal(&self, path: &str) -> String {
        let (status, _, body) = self.get(path);
        assert_eq!(status, 400, "{}", String::from_utf8_lossy(&body));
        let fault: Value = serde_json::from_slice(&body).unwrap();
        fault["message"].as_str().unwrap().to_owned()
    }
}

#[test]
fn every_route_of_the_past_answers_with_the_figures_of_the_flows_in_every_format() {
    let site = Site::start();
    let heatmap = site.json("heatmap?addresses=true");
    assert_eq!(heatmap["total"]["traffic"]["flows"], FLOWS);
    assert_eq!(heatmap["total"]["addresses"]["count"], 100);
    assert_eq!(heatmap["source"]["is_complete"], true);
    let gaps = heatmap["source"]["gaps"].as_array().unwrap();
    assert_eq!(gaps.len(), 1, "before the start nothing was collected, and what is to come is no gap");

    let top = site.json("top?by=protocol&metric=flows");
    assert_eq!(top["rows"][0]["keys"][0]["value"], "udp");
    assert_eq!(top["rows"][0]["amount"]["traffic"]["flows"], FLOWS * 2 / 3);
    let series = site.json("series?by=service&points=10&filter=protocol%3Dtcp");
    let points = series["total"].as_array().unwrap();
    assert_eq!(points.iter().map(|point| point["flows"].as_u64().unwrap()).sum::<u64>(), FLOWS / 3);

    let first = site.json("flows?rows=200");
    let after = first["next"].as_str().unwrap();
    let second = site.json(&format!("flows?rows=200&after={after}"));
    let count = |page: &Value| page["flows"].as_array().unwrap().len();
    assert_eq!((count(&first), count(&second), second["next"].as_str().unwrap()), (200, 100, ""));

    for (path, lines) in
        [("heatmap?format=csv", 2), ("top?by=protocol&format=csv", 3), ("flows?format=csv&rows=100", 101)]
    {
        let (status, head, body) = site.get(path);
        assert_eq!((status, head.contains("content-type: text/csv; charset=utf-8")), (200, true), "{head}");
        let text = String::from_utf8(body).unwrap();
        assert_eq!(text.lines().count(), lines, "{text}");
        assert_eq!(head.contains("meridian-next: "), path.starts_with("flows"));
    }
    assert_eq!(site.get_exactly("history").0, 200);
    drop(site.runtime);
}

#[test]
fn all_flow_records_come_as_one_parquet_file_with_the_columns_of_the_archive() {
    let site = Site::start();
    let rows = |query: &str| {
        let (status, head, body) = site.get(&format!("flows?format=parquet{query}"));
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&body));
        assert!(head.contains("content-type: application/vnd.apache.parquet"), "{head}");
        let file = SerializedFileReader::new(axum::body::Bytes::from(body)).unwrap();
        let metadata = file.metadata().file_metadata();
        let is_complete = metadata.key_value_metadata().unwrap().iter().any(|entry| {
            (entry.key.as_str(), entry.value.as_deref()) == ("meridian.is_complete", Some("true"))
        });
        assert!(is_complete);
        let columns = metadata.schema_descr().columns().len();
        assert_eq!(columns, crate::server::archive::columns::names().count());
        u64::try_from(metadata.num_rows()).unwrap()
    };
    assert_eq!(rows(""), FLOWS);
    assert_eq!(rows("&rows=42"), 42);
    assert_eq!(rows("&filter=protocol%3Dtcp"), FLOWS / 3);
    assert_eq!(rows("&filter=protocol%3Dicmp"), 0);
    assert!(site.refusal("flows?format=parquet&after=x").contains("has no pages"));
}

#[test]
fn all_flow_records_come_as_one_csv_file_unless_a_page_is_asked_for() {
    let site = Site::start();
    let rows = |query: &str| {
        let (status, head, body) = site.get(&format!("flows?format=csv{query}"));
        let text = String::from_utf8(body).unwrap();
        assert_eq!(status, 200, "{text}");
        assert!(head.contains("content-type: text/csv; charset=utf-8"), "{head}");
        assert!(text.starts_with("received_ms,start_ms,") && text.ends_with("\r\n"), "{text}");
        (head, text.lines().count() as u64 - 1)
    };
    let (head, all) = rows("");
    assert_eq!(all, FLOWS);
    assert!(head.contains("filename=\"meridian-flows.csv\""), "{head}");
    assert!(head.contains("meridian-is-complete: true") && !head.contains("meridian-next"), "{head}");
    assert_eq!(rows("&filter=protocol%3Dtcp").1, FLOWS / 3);
    assert_eq!(rows("&filter=protocol%3Dicmp").1, 0, "the line of names is there without flows, too");
    let (head, page) = rows("&rows=42");
    assert_eq!((page, head.contains("meridian-next: ")), (42, true), "{head}");
}

#[test]
fn what_is_wrong_is_answered_with_a_sentence_that_says_what_to_write() {
    let site = Site::start();
    for (path, words) in [
        ("top?by=country", "outside.country"),
        ("top", "outside.country"),
        ("top?by=protocol&row=3", "rows"),
        ("top?by=protocol&rows=0", "write 1 to 1000"),
        ("series?metric=addresses&lines=50&points=2000", "too many to count addresses"),
        ("flows?rows=20000", "write 1 to 10000"),
        ("flows?format=xml", "parquet"),
        ("flows?after=nonsense", "cannot be answered"),
        ("heatmap?sides=up", "inbound"),
        ("flows?format=parquet&filter=bytes+%3E", ""),
    ] {
        let message = site.refusal(path);
        assert!(message.contains(words), "{path}: {message}");
    }
    let (status, _, body) = site.get_exactly("flows?from=now&to=-1h");
    assert_eq!(status, 400, "{}", String::from_utf8_lossy(&body));
    let (_, _, body) = site.get("top?by=protocol&filter=port+%3D");
    let fault: Value = serde_json::from_slice(&body).unwrap();
    assert!(fault["position"].is_u64(), "{fault}");
}

#[test]
fn a_report_is_asked_for_read_as_json_and_as_pdf_and_removed() {
    let site = Site::start();
    let json = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap();
    let moment = |ms: i64| jiff::Timestamp::from_millisecond(ms).unwrap().to_string();
    let (from, to) = (moment(site.received_ms - 3_600_000), moment(site.received_ms + 1_800_000));
    let order = serde_json::json!({"from": from, "to": to, "title": "Reçu", "sections": ["countries"], "zone": "UTC"});
    let (status, head, body) = site.ask("POST", "reports", &order.to_string());
    assert_eq!(status, 202, "{}", String::from_utf8_lossy(&body));
    let entry = json(&body);
    let id = entry["id"].as_str().unwrap();
    assert!(head.contains(&format!("location: /api/v1/reports/{id}")), "{head}");
    let began = Instant::now();
    let page = loop {
        let page = json(&site.get_exactly(&format!("reports/{id}")).2);
        if !page["report"].is_null() {
            break page;
        }
        assert!(began.elapsed() < Duration::from_mins(1), "{page}");
        std::thread::yield_now();
    };
    assert_eq!(page["report"]["total"]["now"]["traffic"]["flows"], FLOWS, "{page}");
    assert_eq!(
        (&page["entry"]["state"]["state"], &page["report"]["question"]["title"]),
        (&"done".into(), &"Reçu".into())
    );
    let (status, head, pdf) = site.get_exactly(&format!("reports/{id}/pdf"));
    assert_eq!((status, pdf.starts_with(b"%PDF-")), (200, true), "{head}");
    assert!(head.contains("content-type: application/pdf"), "{head}");
    assert!(head.contains(&format!("filename=\"{id}.pdf\"")), "{head}");
    let list = json(&site.get_exactly("reports").2);
    assert_eq!(
        (&list["reports"][0]["id"], &list["schedules"][0]["schedule"]["name"]),
        (&id.into(), &"monthly".into())
    );
    assert_eq!(site.ask("DELETE", &format!("reports/{id}"), "").0, 204);
    for gone in
        [site.ask("DELETE", &format!("reports/{id}"), ""), site.get_exactly(&format!("reports/{id}/pdf"))]
    {
        assert_eq!((gone.0, json(&gone.2)["message"].as_str().unwrap().contains(id)), (404, true));
    }

    let refused = |body: &str| {
        let (status, _, answer) = site.ask("POST", "reports", body);
        (status, json(&answer))
    };
    let (status, fault) = refused(r#"{"from": "yesterday", "filter": "port = x"}"#);
    assert_eq!((status, &fault["position"]), (400, &7.into()));
    let (status, fault) = refused(r#"{"form": "yesterday"}"#);
    assert!(status == 400 && fault["message"].as_str().unwrap().contains("`form`"), "{fault}");
    let (status, fault) = refused("{}");
    assert!(status == 400 && fault["message"].as_str().unwrap().contains("last month"), "{fault}");
    assert_eq!(refused(&format!("{{\"from\": \"{}\"}}", "x".repeat(70_000))).0, 413);
}
