//! The addresses of this host's own network interfaces: a DataNode that has one of them is a local one.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;

/// All addresses of all interfaces of this network namespace, loopback included.
pub(crate) fn own_addresses() -> io::Result<BTreeSet<IpAddr>> {
    let mut head: *mut libc::ifaddrs = ptr::null_mut();
    // SAFETY: `head` is a place for the list's head; the list is freed below.
    if unsafe { libc::getifaddrs(&mut head) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let mut addresses = BTreeSet::new();
    let mut entry = head;
    while !entry.is_null() {
        // SAFETY: `entry` is an element of the list that getifaddrs made and that is not freed yet.
        let interface = unsafe { &*entry };
        // SAFETY: `ifa_addr` is null or an address of the family that it names.
        addresses.extend(unsafe { address_of(interface.ifa_addr) });
        entry = interface.ifa_next;
    }
    // SAFETY: `head` came from getifaddrs, and no reference into the list is left.
    unsafe { libc::freeifaddrs(head) };
    Ok(addresses)
}

/// The internet address that `address` points to, if it is one.
unsafe fn address_of(address: *const libc::sockaddr) -> Option<IpAddr> {
    if address.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for a valid address; the family says which structure it is, and `read_unaligned` asks
    // nothing of its alignment.
    unsafe {
        match i32::from((*address).sa_family) {
            libc::AF_INET => {
                let address = address.cast::<libc::sockaddr_in>().read_unaligned();
                Some(IpAddr::V4(Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr))))
            }
            libc::AF_INET6 => {
                let address = address.cast::<libc::sockaddr_in6>().read_unaligned();
                Some(IpAddr::V6(Ipv6Addr::from(address.sin6_addr.s6_addr)))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_ours_and_a_documentation_address_is_not() {
        let addresses = own_addresses().unwrap();
        assert!(addresses.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST)), "{addresses:?}");
        assert!(!addresses.contains(&IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))));
    }
}
