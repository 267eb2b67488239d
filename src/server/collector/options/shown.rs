//! What options records said, as pages and the API show it.

use crate::model::options::{InterfaceName, SHOWN_ENTRIES, Sampler, VrfName};

use super::{Domain, OptionsState};

impl OptionsState {
    /// Samplers as pages and the API show them.
    pub fn samplers(&self) -> Vec<Sampler> {
        let shown = |observation_domain, selector, interface, sampler: &super::Sampler| Sampler {
            observation_domain,
            selector,
            interface,
            name: sampler.name.clone(),
            interval: sampler.interval,
            algorithm: sampler.algorithm,
        };
        let of_domain = |(&number, domain): (&u32, &Domain)| {
            let by_interface = domain.by_interface.iter();
            let by_interface = by_interface.map(move |(&interface, sampler)| {
                shown(number, None, Some(interface).filter(|&interface| interface != 0), sampler)
            });
            let by_selector = domain.by_selector.iter();
            let by_selector =
                by_selector.map(move |(&selector, sampler)| shown(number, Some(selector), None, sampler));
            by_interface.chain(by_selector).collect::<Vec<_>>()
        };
        self.domains.iter().flat_map(of_domain).take(SHOWN_ENTRIES).collect()
    }

    /// Names of interfaces as pages and the API show them.
    pub fn interfaces(&self) -> Vec<InterfaceName> {
        let named = self.domains.iter().flat_map(|(&observation_domain, domain)| {
            domain.interfaces.iter().map(move |(&index, interface)| InterfaceName {
                observation_domain,
                index,
                name: interface.name.clone(),
                description: interface.description.clone(),
            })
        });
        named.take(SHOWN_ENTRIES).collect()
    }

    /// Names of VRFs as pages and the API show them.
    pub fn vrfs(&self) -> Vec<VrfName> {
        let named = self.domains.iter().flat_map(|(&observation_domain, domain)| {
            domain.vrfs.iter().map(move |(&id, name)| VrfName { observation_domain, id, name: name.clone() })
        });
        named.take(SHOWN_ENTRIES).collect()
    }

    /// Number of names of interfaces.
    pub fn interface_names(&self) -> u64 {
        self.domains.values().map(|domain| domain.interfaces.len() as u64).sum()
    }

    /// Number of names of applications.
    pub fn application_names(&self) -> u64 {
        self.domains.values().map(|domain| domain.applications.len() as u64).sum()
    }
}
