//! Where HDFS puts the replicas of a block.

use crate::Random;

/// Hosts in racks: host `h` is in rack `h % racks`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Racks {
    pub(super) hosts: usize,
    pub(super) racks: usize,
}

/// The hosts of a block's replicas, three at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Replicas {
    hosts: [u32; 3],
    count: u32,
}

impl Replicas {
    /// These hosts.
    pub(super) fn of(hosts: &[u32]) -> Replicas {
        let mut replicas = Replicas { hosts: [0; 3], count: hosts.len() as u32 };
        replicas.hosts[..hosts.len()].copy_from_slice(hosts);
        replicas
    }

    pub(super) fn hosts(&self) -> &[u32] {
        &self.hosts[..self.count as usize]
    }

    fn push(&mut self, host: Option<usize>) {
        if let Some(host) = host {
            self.hosts[self.count as usize] = host as u32;
            self.count += 1;
        }
    }
}

impl Racks {
    /// The default policy for three replicas: the first anywhere (or at its writer), the second in another rack, the third
    /// on another host of the second's rack. In one rack, three hosts of it.
    pub(super) fn replicas(self, random: &mut Random, writer: Option<usize>) -> Replicas {
        let first = writer.unwrap_or_else(|| random.below(self.hosts as u64) as usize);
        let mut replicas = Replicas::of(&[first as u32]);
        let other_rack = |host: usize| self.racks == 1 || host % self.racks != first % self.racks;
        let second = self.draw(random, |host| host != first && other_rack(host));
        replicas.push(second);
        if let Some(second) = second {
            let third = self.draw_in_rack(random, second % self.racks, |host| host != second && host != first);
            replicas.push(third.or_else(|| self.draw(random, |host| host != second && host != first)));
        }
        replicas
    }

    /// The same as [`Racks::draw`] of the hosts of one rack.
    fn draw_in_rack(self, random: &mut Random, rack: usize, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let start = random.below(self.hosts as u64) as usize;
        let next = start + (rack + self.racks - start % self.racks) % self.racks;
        let after = (next..self.hosts).step_by(self.racks);
        after.chain((rack..start).step_by(self.racks)).find(|&host| fits(host))
    }

    /// A random host that will do: by chance first, then by search.
    fn draw(self, random: &mut Random, fits: impl Fn(usize) -> bool) -> Option<usize> {
        let start = random.below(self.hosts as u64) as usize;
        (start..start + self.hosts).map(|host| host % self.hosts).find(|&host| fits(host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_in_two_racks() {
        let racks = Racks { hosts: 40, racks: 4 };
        let mut random = Random::new(1);
        for _ in 0..1000 {
            let replicas = racks.replicas(&mut random, None);
            let [first, second, third] = replicas.hosts;
            assert!(first % 4 != second % 4 && second % 4 == third % 4 && second != third, "{replicas:?}");
        }
    }

    #[test]
    fn both_draws_are_one() {
        let racks = Racks { hosts: 43, racks: 4 };
        for (seed, rack) in (0..200).flat_map(|seed| (0..4).map(move |rack| (seed, rack))) {
            let fits = |host: usize| !host.is_multiple_of(3);
            let all = racks.draw(&mut Random::new(seed), |host| host % 4 == rack && fits(host));
            assert_eq!(racks.draw_in_rack(&mut Random::new(seed), rack, fits), all);
        }
    }

    #[test]
    fn a_small_cluster_has_fewer() {
        let mut random = Random::new(1);
        assert_eq!(Racks { hosts: 1, racks: 1 }.replicas(&mut random, None).hosts(), [0]);
        assert_eq!(Racks { hosts: 2, racks: 1 }.replicas(&mut random, Some(1)).hosts(), [1, 0]);
    }
}
