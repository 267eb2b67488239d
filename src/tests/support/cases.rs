//! Datagrams of captures kept as text: exporter address, source port, destination port, payload in hex.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

pub struct Datagram {
    pub source: SocketAddr,
    pub payload: Vec<u8>,
}

pub fn datagrams(file: &Path) -> Vec<Datagram> {
    let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    text.lines().map(datagram).collect()
}

fn datagram(line: &str) -> Datagram {
    let fields: Vec<_> = line.split('\t').collect();
    let address: IpAddr = fields[0].parse().unwrap();
    let hex = fields[3].as_bytes();
    let digit = |byte: u8| char::from(byte).to_digit(16).unwrap();
    let payload =
        hex.chunks(2).map(|pair| u8::try_from(digit(pair[0]) * 16 + digit(pair[1])).unwrap()).collect();
    Datagram { source: SocketAddr::new(address, fields[1].parse().unwrap()), payload }
}

/// Every case of one folder, by name.
pub fn cases_in(folder: &Path) -> BTreeMap<String, Vec<Datagram>> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .filter(|file| file.extension().is_some_and(|extension| extension == "tsv"))
        .map(|file| (file.file_stem().unwrap().display().to_string(), datagrams(&file)))
        .collect()
}
