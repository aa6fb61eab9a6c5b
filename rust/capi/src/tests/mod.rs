//! Tests of the C entries.
