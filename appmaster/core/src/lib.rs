//! Every decision of an application: placement, container requests, retries. No IO, no clock.
