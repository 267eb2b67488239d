//! What could not be decoded, in words for people. The labels are those of the metrics.

/// What was found, and what it mostly means; `None` for a label that is not known here.
pub fn words(label: &str) -> Option<(&'static str, &'static str)> {
    Some(match label {
        "truncated" => ("Cut short", "The bytes end too early: cut on the way, or by the exporter."),
        "unknown_version" => {
            ("Unknown version", "Not NetFlow v1, v5, v7, v9, IPFIX or sFlow v5: something else is sent here.")
        }
        "address_type" => ("Unknown kind of address", "Neither IPv4 nor IPv6."),
        "sample_length" => ("Sample of a wrong length", "It does not fit its datagram."),
        "message_length" => ("Message of a wrong length", "It is shorter than its own header."),
        "set_length" => {
            ("Set of a wrong length", "It is shorter than its header, or longer than its datagram.")
        }
        "reserved_set_id" => ("Reserved set number", "The protocol keeps this number for later."),
        "trailing_bytes" => {
            ("Bytes left over", "Neither a record nor padding. What came before them is counted.")
        }
        "record_count" => {
            ("Wrong count", "The header promises more than the datagram holds. What it holds is counted.")
        }
        "too_many_records" => {
            ("Too many records", "More than any real datagram holds: the rest is left out.")
        }
        "reserved_template_id" => ("Template number below 256", "The protocol keeps these numbers."),
        "empty_template" => ("Template without bytes", "Its records would have no length."),
        "too_many_fields" => ("Template with too many fields", "More than Meridian takes."),
        "template_scope" => {
            ("Scope that does not fit", "An options template whose scope is longer than its fields.")
        }
        "template_cache_full" => ("Too many templates", "More than Meridian keeps of one exporter."),
        "template_fields_full" => {
            ("Too many templates of all exporters", "Meridian's room for them is full.")
        }
        "exporter_table_full" => ("Too many exporters", "Meridian's room for them is full."),
        _ => return None,
    })
}
