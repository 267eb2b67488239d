//! The command line end to end: what a capture had is written back in every format, and a backup has it all.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot read its input has failed")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use parquet::file::reader::{FileReader as _, SerializedFileReader};
use serde_json::Value;
use tempfile::TempDir;

#[path = "support/cases.rs"]
mod cases;
#[path = "support/frames.rs"]
mod frames;
#[path = "support/pcap_file.rs"]
mod pcap_file;

use cases::cases_in;
use frames::{UDP, ethernet, ip, udp};
use pcap_file::{ETHERNET, Layout, pcap};

/// When the capture was made, microseconds since 1970: 2026-11-18 12:26:40 UTC.
const CAPTURED_US: i64 = 1_795_004_800_000_000;
const SINCE: &str = "2026-11-18T12:00:00Z";
const UNTIL: &str = "2026-11-18T13:00:00Z";

/// A data folder with what softflowd exported as NetFlow v5.
struct Imported {
    folder: TempDir,
    /// Flow records and bytes that it has.
    truth: (usize, u64),
}

impl Imported {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let softflowd = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/captures/softflowd");
        let datagrams = cases_in(&softflowd).remove("soft_v5").unwrap();
        let packets: Vec<Vec<u8>> = datagrams
            .iter()
            .map(|datagram| {
                let target: SocketAddr = "192.0.2.9:2055".parse().unwrap();
                let source = datagram.source;
                let payload = udp(source.port(), target.port(), &datagram.payload);
                ethernet(&[], &ip(UDP, source.ip(), target.ip(), &payload))
            })
            .collect();
        let times = (0..).map(|number| CAPTURED_US + number * 1_000);
        let capture = pcap(Layout::USUAL, ETHERNET, times.zip(packets.iter().map(Vec::as_slice)));
        let file = folder.path().join("capture.pcap");
        std::fs::write(&file, capture).unwrap();
        let imported = Self { folder, truth: (0, 0) };
        let done = imported.meridian(&["import", "--format", "json", file.to_str().unwrap()]);
        let summary: Value = serde_json::from_slice(&succeeded(&done).stdout).unwrap();
        let traffic = &summary["totals"];
        let count = |name: &str| traffic[name].as_u64().unwrap_or_else(|| panic!("{summary}"));
        let truth = (usize::try_from(count("flows")).unwrap(), count("bytes"));
        assert!(truth.0 > 100);
        Self { truth, ..imported }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn meridian(&self, arguments: &[&str]) -> Output {
        meridian(&self.data(), arguments)
    }

    fn flows(&self, arguments: &[&str]) -> String {
        let arguments: Vec<&str> =
            ["flows", "--since", SINCE, "--until", UNTIL].iter().chain(arguments).copied().collect();
        String::from_utf8(succeeded(&self.meridian(&arguments)).stdout.clone()).unwrap()
    }
}

fn meridian(data: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meridian"));
    command.args(arguments).arg("--data-dir").arg(data).env_remove("MERIDIAN_CONFIG");
    command.output().unwrap()
}

fn succeeded(output: &Output) -> &Output {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn complaint(output: &Output, code: i32) -> String {
    assert_eq!(output.status.code(), Some(code), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn flows_writes_what_was_imported_in_every_format() {
    let imported = Imported::new();
    let (flows, bytes) = imported.truth;

    let table = imported.flows(&[]);
    assert_eq!(table.lines().count(), flows + 1);
    assert!(table.lines().next().unwrap().contains("source"), "{table}");

    let csv = imported.flows(&["--format", "csv"]);
    let names: Vec<&str> = csv.lines().next().unwrap().split(',').collect();
    let column = names.iter().position(|name| *name == "bytes").unwrap();
    let sum: u64 =
        csv.lines().skip(1).map(|line| line.split(',').nth(column).unwrap().parse::<u64>().unwrap()).sum();
    assert_eq!((csv.lines().count(), sum), (flows + 1, bytes));

    let json = imported.flows(&["--format", "json"]);
    let records: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.iter().map(|record| record["bytes"].as_u64().unwrap()).sum::<u64>(), bytes);
    assert!(records.is_sorted_by_key(|record| record["received_ms"].as_i64().unwrap()));

    let file = imported.folder.path().join("flows.parquet");
    let path = file.to_str().unwrap();
    assert_eq!(imported.flows(&["--format", "parquet", "--out", path]), "");
    let reader = SerializedFileReader::new(std::fs::File::open(&file).unwrap()).unwrap();
    assert_eq!(usize::try_from(reader.metadata().file_metadata().num_rows()).unwrap(), flows);

    let secure = imported.flows(&["--format", "json", "service = 443"]).lines().count();
    assert!(secure > 0 && secure < flows);
    assert_eq!(imported.flows(&["--format", "json", "--limit", "7"]).lines().count(), 7);
    let left: Vec<_> = std::fs::read_dir(imported.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with("export-"))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn flows_says_what_is_wrong_and_removes_what_a_killed_one_has_left() {
    let imported = Imported::new();
    assert!(complaint(&imported.meridian(&["flows", "port = "]), 64).contains("the filter, character"));
    assert!(complaint(&imported.meridian(&["flows", "--since", "soon"]), 64).contains("soon"));
    assert!(complaint(&imported.meridian(&["flows", "--format", "xml"]), 64).contains("parquet"));
    let nowhere = imported.folder.path().join("nowhere");
    assert!(complaint(&meridian(&nowhere, &["flows"]), 66).contains("there is no archive"));
    let taken = imported.folder.path().join("taken");
    std::fs::write(&taken, "mine").unwrap();
    let out = ["flows", "--since", SINCE, "--until", UNTIL, "--out", taken.to_str().unwrap()];
    assert!(complaint(&imported.meridian(&out), 66).contains("cannot write"));
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");

    // No process has a number like this.
    let (left, running) = (imported.data().join("export-4294967294"), imported.data().join("export-1"));
    for folder in [&left, &running] {
        std::fs::create_dir_all(folder.join("archive")).unwrap();
    }
    imported.flows(&[]);
    assert!(!left.exists() && running.exists());
}

#[test]
fn a_backup_has_every_flow_record_and_the_sums_and_is_a_data_folder_to_start_with() {
    let imported = Imported::new();
    let backup = imported.folder.path().join("backup");
    let done = imported.meridian(&["backup", backup.to_str().unwrap()]);
    let told = String::from_utf8(succeeded(&done).stdout.clone()).unwrap();
    assert!(told.contains("files of flow records") && told.contains("--data-dir"), "{told}");
    assert!(backup.join("meridian.sqlite").is_file());
    let arguments = ["flows", "--since", SINCE, "--until", UNTIL, "--format", "json"];
    let of_copy = meridian(&backup, &arguments);
    assert_eq!(String::from_utf8_lossy(&succeeded(&of_copy).stdout), imported.flows(&["--format", "json"]));
    let again = complaint(&imported.meridian(&["backup", backup.to_str().unwrap()]), 70);
    assert!(again.contains("is not empty: name a new folder"), "{again}");
    let nothing = meridian(&imported.folder.path().join("nowhere"), &["backup", "/tmp/never-made"]);
    assert!(complaint(&nothing, 70).contains("there is no data folder"));
}

/// A report of the month of the capture.
fn report(imported: &Imported, arguments: &[&str]) -> Output {
    let arguments: Vec<&str> =
        ["report", "--zone", "Africa/Johannesburg"].iter().chain(arguments).copied().collect();
    imported.meridian(&arguments)
}

#[test]
fn a_report_has_what_was_imported_as_pdf_and_as_json() {
    let imported = Imported::new();
    let (flows, bytes) = imported.truth;
    let json = report(&imported, &["--month", "2026-11", "--format", "json", "--out", "-"]);
    let told: Value = serde_json::from_slice(&succeeded(&json).stdout).unwrap();
    assert_eq!(told["period"], "November 2026");
    assert_eq!(told["total"]["now"]["traffic"]["flows"], flows);
    assert_eq!(told["total"]["now"]["traffic"]["bytes"], bytes);
    assert_eq!(told["steps"].as_array().unwrap().len(), 30);

    let day = ["--from", "2026-11-18", "--to", "2026-11-18", "--format", "json", "--out", "-"];
    let day: Value = serde_json::from_slice(&succeeded(&report(&imported, &day)).stdout).unwrap();
    assert_eq!(
        (&day["question"]["period"], &day["total"]["now"]),
        (&Value::from("day"), &told["total"]["now"])
    );

    let file = imported.folder.path().join("report.pdf");
    let chosen = ["--month", "2026-11", "--title", "Ours", "--sections", "services,days", "--page", "letter"];
    let done = report(&imported, &[&chosen[..], &["--out", file.to_str().unwrap()]].concat());
    assert!(succeeded(&done).stdout.is_empty());
    let text =
        Command::new("pdftotext").args(["-raw", "-enc", "UTF-8"]).arg(&file).arg("-").output().unwrap();
    let text = String::from_utf8(succeeded(&text).stdout.clone()).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for wanted in ["Ours", "November 2026", "Services", &format!("{flows} flows")] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(!text.contains("Autonomous systems"), "{text}");
    let left = std::fs::read_dir(imported.data()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with("export-")));
}

#[test]
fn a_report_is_made_while_the_data_folder_is_held() {
    let imported = Imported::new();
    let lock = std::fs::File::create(imported.data().join("lock")).unwrap();
    lock.lock().unwrap();
    let json = report(&imported, &["--month", "2026-11", "--format", "json", "--out", "-"]);
    let told: Value = serde_json::from_slice(&succeeded(&json).stdout).unwrap();
    assert_eq!(told["total"]["now"]["traffic"]["flows"], imported.truth.0);
}

#[test]
fn a_report_that_cannot_be_says_what_to_do() {
    let imported = Imported::new();
    let nothing = report(&imported, &["--month", "2025-01", "--out", "-", "--format", "json"]);
    let told = complaint(&nothing, 66);
    assert!(told.contains("nothing is kept of January 2025") && told.contains("2026-11-18"), "{told}");
    let filtered = ["--month", "2025-01", "--filter", "port = 53", "--out", "-", "--format", "json"];
    let told = complaint(&report(&imported, &filtered), 66);
    assert!(told.contains("nothing is kept of January 2025"), "{told}");
    // Something is kept of this one, if nothing passes the filter.
    let filtered = ["--month", "2026-11", "--filter", "port = 9", "--out", "-", "--format", "json"];
    succeeded(&report(&imported, &filtered));
    let taken = imported.folder.path().join("taken.pdf");
    std::fs::write(&taken, "mine").unwrap();
    let told = complaint(&report(&imported, &["--month", "2026-11", "--out", taken.to_str().unwrap()]), 66);
    assert!(told.contains("name a new file"), "{told}");
    assert_eq!(std::fs::read_to_string(&taken).unwrap(), "mine");
    for (wrong, hint) in [
        (vec!["--month", "2026-13"], "such as 2026-10"),
        (vec!["--month", "2026-11", "--filter", "port = "], "the filter, character"),
        (vec!["--month", "2026-11", "--sections", "days,nights"], "write one of days"),
        (vec!["--month", "2026-11", "--from", "2026-11-01"], "cannot be used with"),
        (vec!["--from", "2026-11-02", "--to", "2026-11-01"], "write the beginning first"),
    ] {
        let told =
            complaint(&report(&imported, &[&wrong[..], &["--out", "-", "--format", "json"]].concat()), 64);
        assert!(told.contains(hint), "{told}");
    }
    let nowhere = imported.folder.path().join("nowhere");
    let told =
        complaint(&meridian(&nowhere, &["report", "--month", "2026-11", "--out", "/tmp/never.pdf"]), 66);
    assert!(told.contains("there is no history in"), "{told}");
}
