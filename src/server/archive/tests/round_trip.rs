use super::*;

fn extreme() -> FlowRecord {
    FlowRecord {
        source_address: IpAddr::from([0xff; 16]),
        destination_address: IpAddr::from([0xff; 4]),
        source_port: u16::MAX,
        destination_port: u16::MAX,
        icmp_type_code: u16::MAX,
        protocol: u8::MAX,
        type_of_service: u8::MAX,
        tcp_flags: u16::MAX,
        vlan: u16::MAX,
        bytes: u64::MAX,
        packets: u64::MAX,
        start_ms: i64::MIN,
        end_ms: i64::MAX,
        received_ms: i64::MIN,
        time_source: TimeSource::ExportTime,
        is_reverse: true,
        flow_direction: Some(FlowDirection::Egress),
        input_interface: u32::MAX,
        output_interface: u32::MAX,
        source_as: u32::MAX,
        destination_as: u32::MAX,
        source_mask: u8::MAX,
        destination_mask: u8::MAX,
        flow_end_reason: u8::MAX,
        sampling_interval: u32::MAX,
        sampling_source: SamplingSource::Configured,
        exporter: ExporterId(1),
        observation_domain: u32::MAX,
    }
}

fn anything() -> FlowBatch {
    let mut random = Rng::with_seed(3);
    let mut records: Vec<_> = (0..3_000).map(|_| record(&mut random, HOUR)).collect();
    records.push(extreme());
    records.push(FlowRecord { received_ms: i64::MAX, start_ms: i64::MAX, end_ms: i64::MIN, ..extreme() });
    records.push(FlowRecord::default());
    batch_of(&records)
}

#[test]
fn whatever_a_flow_holds_comes_back_from_its_columns_in_its_order() {
    let batch = anything();
    let columns = columns::batch_of(&batch).unwrap();
    assert_eq!(columns.schema(), columns::schema());
    assert_eq!(columns::stored_flows(&columns).unwrap(), truth(&batch));
    let ends = truth(&batch).into_iter().flat_map(|flow| [flow.source, flow.destination]);
    let ends: Vec<_> = ends.collect();
    assert!(ends.iter().any(|end| end.city == "London" && end.region == "England"));
    assert!(ends.iter().any(|end| end.city == "Lab" && end.latitude.is_none()));
    assert!(ends.iter().any(|end| end.city == "Campus" && end.latitude == Some(-7.25)));
}

#[test]
fn whatever_a_flow_holds_comes_back_from_the_log_and_from_a_sealed_file() {
    let folder = tempfile::tempdir().unwrap();
    let batch = anything();
    let kept = Kept::open(folder.path());
    kept.archive.append(&batch).unwrap();
    assert_same(stored(&kept.archive), &truth(&batch));
    kept.archive.flush(HOUR).unwrap();
    drop(kept);

    let kept = Kept::open(folder.path());
    assert_same(stored(&kept.archive), &truth(&batch));
    kept.keep();
    assert_eq!(kept.archive.snapshot(EVER).files.len(), 1);
    assert_same(stored(&kept.archive), &truth(&batch));
}

#[test]
fn columns_of_another_order_or_type_are_read_and_a_missing_one_is_an_error() {
    let batch = anything();
    let columns = columns::batch_of(&batch).unwrap();
    let text = columns.schema().index_of(columns::SRC_CITY).unwrap();
    let backwards: Vec<usize> = (0..columns.num_columns()).rev().collect();
    let turned = columns.project(&backwards).unwrap();
    assert_eq!(columns::stored_flows(&turned).unwrap(), truth(&batch));

    let plain = arrow::compute::cast(columns.column(text), &arrow::datatypes::DataType::Utf8View).unwrap();
    let schema = columns.schema();
    let fields = schema.fields().iter().cloned().zip(columns.columns().iter().cloned());
    let named = fields.map(|(field, column)| {
        let column = if field.name() == columns::SRC_CITY { Arc::clone(&plain) } else { column };
        (field.name().clone(), column, true)
    });
    let other = arrow::array::RecordBatch::try_from_iter_with_nullable(named).unwrap();
    assert_eq!(columns::stored_flows(&other).unwrap(), truth(&batch));

    let without = columns.project(&backwards[1..]).unwrap();
    assert!(columns::stored_flows(&without).unwrap_err().to_string().contains("flow_end_reason"));
}
