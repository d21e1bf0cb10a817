//! Programs that somebody would copy: see `md5all`.
#![forbid(unsafe_code)]
