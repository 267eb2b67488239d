//! Interned names: each distinct text once, in one piece of memory.

use std::collections::HashMap;

/// Names by number; number 0 is the empty name.
#[derive(Debug)]
pub(super) struct Names {
    text: String,
    /// Where each name ends in `text`; it starts where the one before ends.
    ends: Vec<u32>,
}

impl Names {
    /// The name of a number, empty for numbers that were never given out.
    pub(super) fn find(&self, number: u32) -> &str {
        let Ok(number) = usize::try_from(number) else { return "" };
        let start = number.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let end = self.ends.get(number).copied().unwrap_or(start);
        usize::try_from(start)
            .ok()
            .zip(usize::try_from(end).ok())
            .and_then(|(start, end)| self.text.get(start..end))
            .unwrap_or("")
    }

    /// Memory it holds, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.text.capacity() + self.ends.capacity() * 4
    }
}

/// Gives numbers to names.
#[derive(Debug)]
pub(super) struct NamesBuilder {
    names: Names,
    numbers: HashMap<Box<str>, u32>,
}

impl Default for NamesBuilder {
    fn default() -> Self {
        let names = Names { text: String::new(), ends: vec![0] };
        Self { names, numbers: HashMap::from([(Box::from(""), 0)]) }
    }
}

impl NamesBuilder {
    /// The number of a name; `None` when four gigabytes of names are full.
    pub(super) fn intern(&mut self, name: &str) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let number = u32::try_from(self.names.ends.len()).ok()?;
        let end = u32::try_from(self.names.text.len() + name.len()).ok()?;
        self.names.text.push_str(name);
        self.names.ends.push(end);
        self.numbers.insert(name.into(), number);
        Some(number)
    }

    /// The finished names.
    pub(super) fn finish(mut self) -> Names {
        self.names.text.shrink_to_fit();
        self.names.ends.shrink_to_fit();
        self.names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_number_and_a_number_its_name() {
        let mut builder = NamesBuilder::default();
        assert_eq!(builder.intern(""), Some(0));
        assert_eq!(builder.intern("Makhanda"), Some(1));
        assert_eq!(builder.intern("Zürich"), Some(2));
        assert_eq!(builder.intern("Makhanda"), Some(1));
        let names = builder.finish();
        assert_eq!(["", "Makhanda", "Zürich", ""], [0, 1, 2, 3].map(|number| names.find(number)));
    }
}
