//! Several files, files that cannot be opened, a stop on the way, and what is printed at the end.

use super::*;

#[test]
fn templates_of_one_file_decode_the_data_of_the_next() {
    let cases = cases_in(&softflowd());
    let packets = packets(&cases["soft_v9"]);
    let (first, second) = packets.split_at(1);
    let files = [first, second].map(|part| pcap(Layout::USUAL, RAW, borrowed(part)));
    assert_complete(&imported_with(&[&files[0], &files[1]], &[]), truth(false), "in order");
    // The other way round the sets wait, and are decoded when the templates come.
    let turned = imported_with(&[&files[1], &files[0]], &[]);
    assert_eq!(exported(turned.totals.traffic), exported(truth(false)));
    // Without the templates they stay waiting, and are reported so.
    let alone = imported(&files[1]);
    assert!(alone.totals.sets_waiting > 0);
    assert!(alone.to_string().contains("data sets whose template is not in the capture"));
}

#[test]
fn a_file_that_cannot_be_opened_is_told_before_anything_is_imported() {
    let stop = CancellationToken::new();
    let failed = |names: &[&str]| {
        let files = names.iter().map(PathBuf::from).collect();
        import_request(&Request { files, ports: Vec::new() }, &stop).unwrap_err().to_string()
    };
    assert_eq!(
        failed(&["/dev/null", "/nowhere/x.pcap"]),
        "cannot open /nowhere/x.pcap: there is no such file; nothing was imported"
    );
    assert!(failed(&["/tmp"]).contains("it is a folder: name the files in it"));
    assert!(failed(&["-", "-"]).contains("named twice"));
}

#[test]
fn a_stop_signal_ends_an_import_that_waits_for_input_with_the_summary_so_far() {
    let cases = cases_in(&softflowd());
    let packets = packets(&cases["soft_v9"]);
    let capture = pcap(Layout::USUAL, RAW, borrowed(&packets));
    let folder = TempDir::new().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let stop = CancellationToken::new();
    let (request, token) = (Request { files: vec![pipe.clone()], ports: Vec::new() }, stop.clone());
    let importing = std::thread::spawn(move || import_request(&request, &token).unwrap());
    let mut writer = std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    writer.write_all(&capture).unwrap();
    // The writer stays open: only the signal ends the import.
    stop.cancel();
    let asked = Instant::now();
    let summary = importing.join().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(5));
    assert!(summary.is_interrupted);
    assert!(!summary.is_complete());
    assert_eq!(summary.files[0].problem, None);
    assert!(summary.totals.traffic.flows <= truth(false).flows);
    assert!(summary.to_string().contains("interrupted"));
}

#[test]
fn what_is_imported_is_kept_by_the_clock_of_the_capture_and_a_dry_run_keeps_nothing() {
    let folder = TempDir::new().unwrap();
    let cases = cases_in(&softflowd());
    let path = folder.path().join("export.pcap");
    std::fs::write(&path, pcap(Layout::USUAL, RAW, borrowed(&packets(&cases["soft_v9"])))).unwrap();
    let flags = RunFlags { data_dir: Some(folder.path().join("data")), ..RunFlags::default() };
    let config = Config::load(&flags).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let request = Request { files: vec![path], ports: Vec::new() };
    let settings = Settings { databases: Vec::new(), home_networks: Vec::new(), home: None };
    let geolocation = Arc::new(Geolocation::without_databases(&settings));
    let stop = CancellationToken::new();
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    let intake = Intake::new(Limits::default(), Arc::default());
    let summary = import(&request, intake, &geolocation, Some(recorder), &stop).unwrap();
    let flows = truth(false).flows;
    assert_eq!(summary.kept, Some(Kept { stored: flows, lost: 0, problem: None }));
    assert!(summary.to_string().contains(&format!("stored               {flows}\n")), "{summary}");

    let dry = import_request(&request, &stop).unwrap();
    assert_eq!((dry.kept.clone(), dry.totals), (None, summary.totals));
    assert!(dry.files == summary.files && dry.exporters == summary.exporters);
    let recorder = Recorder::open(&config, runtime.handle().clone()).unwrap();
    assert_eq!(recorder.rows(), flows);
    let kept: Vec<_> = recorder.archive().rows_from(0).flat_map(|rows| rows.unwrap().flows).collect();
    let bytes: u64 = kept.iter().map(|flow| flow.bytes).sum();
    assert_eq!((kept.len() as u64, bytes), (flows, truth(false).bytes));
    let captured = CAPTURED_US / 1_000..CAPTURED_US / 1_000 + 60_000;
    assert!(kept.iter().all(|flow| captured.contains(&flow.received_ms)));
}

#[test]
fn the_summary_is_json_with_the_same_totals() {
    let cases = cases_in(&softflowd());
    let capture = pcap(Layout::USUAL, RAW, borrowed(&packets(&cases["soft_v10"])));
    let json: serde_json::Value = serde_json::to_value(imported(&capture)).unwrap();
    let expected = truth(false);
    assert_eq!(json["totals"]["flows"], expected.flows);
    assert_eq!(json["totals"]["bytes"], expected.bytes);
    assert_eq!(json["exporters"][0]["protocols"][0], "IPFIX");
    assert_eq!(json["exporters"][0]["packets"], expected.packets);
    assert_eq!(json["files"][0]["format"], "pcap");
    let countries = json["countries"].as_array().unwrap();
    assert_eq!(countries[0]["code"], serde_json::Value::Null);
}
