//! The filters that a browser keeps for its user: those used last, and those saved under a name.

use serde::{Deserialize, Serialize};

/// The most filters used last.
pub const MOST_RECENT: usize = 12;
/// The most saved filters; the oldest makes room.
pub const MOST_SAVED: usize = 50;
/// The longest name, in characters.
pub const MOST_NAME: usize = 60;

/// A filter under a name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SavedFilter {
    /// What it is called.
    pub name: String,
    /// The filter.
    pub filter: String,
}

/// What is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FilterShelf {
    /// The filters used last, the latest first.
    pub recent: Vec<String>,
    /// Saved filters, in the order they were saved.
    pub saved: Vec<SavedFilter>,
}

impl FilterShelf {
    /// Reads what was kept; what is not readable is empty.
    pub fn read(text: &str) -> Self {
        let mut shelf: Self = serde_json::from_str(text).unwrap_or_default();
        shelf.recent.truncate(MOST_RECENT);
        shelf.saved.truncate(MOST_SAVED);
        shelf
    }

    /// What [`FilterShelf::read`] reads.
    pub fn written(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Puts a filter first among those used last.
    pub fn used(&mut self, filter: &str) {
        if filter.is_empty() {
            return;
        }
        self.recent.retain(|known| known != filter);
        self.recent.insert(0, filter.to_owned());
        self.recent.truncate(MOST_RECENT);
    }

    /// Saves a filter; one of the same name is replaced. Without a name nothing is saved.
    pub fn save(&mut self, name: &str, filter: &str) {
        let name: String = name.trim().chars().take(MOST_NAME).collect();
        if name.is_empty() || filter.is_empty() {
            return;
        }
        let filter = filter.to_owned();
        if let Some(known) = self.saved.iter_mut().find(|saved| saved.name == name) {
            known.filter = filter;
            return;
        }
        if self.saved.len() >= MOST_SAVED {
            self.saved.remove(0);
        }
        self.saved.push(SavedFilter { name, filter });
    }

    /// Forgets a saved filter.
    pub fn forget(&mut self, name: &str) {
        self.saved.retain(|saved| saved.name != name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_used_again_moves_to_the_front_and_the_oldest_is_forgotten() {
        let mut shelf = FilterShelf::default();
        for number in 0..20 {
            shelf.used(&format!("port = {number}"));
        }
        shelf.used("port = 15");
        shelf.used("");
        assert_eq!(shelf.recent.len(), MOST_RECENT);
        assert_eq!(shelf.recent.get(..2), Some(&["port = 15".to_owned(), "port = 19".to_owned()][..]));
    }

    #[test]
    fn a_saved_filter_is_replaced_by_its_name_and_read_back() {
        let mut shelf = FilterShelf::default();
        shelf.save(" DNS ", "port = 53");
        shelf.save("DNS", "service = 53");
        shelf.save("", "port = 1");
        assert_eq!(shelf.saved, [SavedFilter { name: "DNS".to_owned(), filter: "service = 53".to_owned() }]);
        assert_eq!(FilterShelf::read(&shelf.written()), shelf);
        shelf.forget("DNS");
        assert_eq!(shelf, FilterShelf::default());
        assert_eq!(FilterShelf::read("{\"recent\": 7}"), FilterShelf::default());
    }
}
