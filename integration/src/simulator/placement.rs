//! Where HDFS puts the replicas of a block.

use crate::data::Random;

/// Hosts in racks: host `h` is in rack `h % racks`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Racks {
    pub(super) hosts: usize,
    pub(super) racks: usize,
}

impl Racks {
    /// The default policy for three replicas: the first anywhere (or at its writer), the second in another rack, the third
    /// on another host of the second's rack. In one rack, three hosts of it.
    pub(super) fn replicas(self, random: &mut Random, writer: Option<usize>) -> Vec<u32> {
        let first = writer.unwrap_or_else(|| random.below(self.hosts as u64) as usize);
        let mut replicas = vec![first];
        let other_rack = |host: usize| self.racks == 1 || host % self.racks != first % self.racks;
        replicas.extend(self.draw(random, |host| host != first && other_rack(host)));
        if let Some(&second) = replicas.get(1) {
            let same_rack = |host: usize| host % self.racks == second % self.racks;
            let third = self.draw(random, |host| host != second && host != first && same_rack(host));
            replicas.extend(third.or_else(|| self.draw(random, |host| host != second && host != first)));
        }
        replicas.into_iter().map(|host| host as u32).collect()
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
            let [first, second, third] = replicas[..] else { panic!("{replicas:?}") };
            assert!(first % 4 != second % 4 && second % 4 == third % 4 && second != third, "{replicas:?}");
        }
    }

    #[test]
    fn a_small_cluster_has_fewer() {
        let mut random = Random::new(1);
        assert_eq!(Racks { hosts: 1, racks: 1 }.replicas(&mut random, None), [0]);
        assert_eq!(Racks { hosts: 2, racks: 1 }.replicas(&mut random, Some(1)), [1, 0]);
    }
}
