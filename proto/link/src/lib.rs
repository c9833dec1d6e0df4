//! Mutual-TLS connections that carry bobbin-proto frames.
