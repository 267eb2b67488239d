//! The filter language (see the issue contract).
