use crate::model::{exporter::*, flow_record::*};
pub struct Exporter;
impl Exporter {
    pub fn new(_: Protocol, _: u32) -> Self {
        Self
    }
    pub fn datagrams(&mut self, _: &[FlowRecord], _: i64, _: u32) -> Vec<Vec<u8>> {
        vec![]
    }
}
