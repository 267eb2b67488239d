// Reads what /metrics says, and holds it against the law of src/docs/architecture.md.
import assert from 'node:assert/strict';

export class Metrics {
  constructor(text) {
    this.text = text;
    /** Names as they are scraped: counters end in `_total`. */
    this.names = new Set();
    this.samples = [];
    for (const line of text.split('\n')) {
      const [, family, kind] = line.match(/^# TYPE (\S+) (\S+)$/) ?? [];
      if (family) this.names.add(kind === 'counter' ? `${family}_total` : family);
      const [, name, labels = '', value] = line.match(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/) ?? [];
      if (!name) continue;
      const pairs = [...labels.matchAll(/([a-z_]+)="([^"]*)"/g)].map(([, key, text_]) => [key, text_]);
      this.samples.push({ name, labels: Object.fromEntries(pairs), value: Number(value) });
    }
  }

  /** The sum of all samples of a name, without the prefix, that have these labels. */
  sum(name, labels = {}) {
    const full = `meridian_${name}`;
    assert.ok(this.names.has(full), `${full} is no metric`);
    const wanted = Object.entries(labels);
    return this.samples
      .filter((sample) => sample.name === full && wanted.every(([key, value]) => sample.labels[key] === value))
      .reduce((sum, sample) => sum + sample.value, 0);
  }

  /** What is left when the right side of each equation is taken from the left: all zero when the law holds. */
  account() {
    const sum = this.sum.bind(this);
    return {
      read: sum('listener_datagrams_total') + sum('connection_messages_taken_total') - sum('datagrams_received_total'),
      datagrams: sum('datagrams_received_total') - sum('datagrams_total')
        - sum('undecodable_total', { what: 'datagram' }) - sum('datagrams_not_admitted_total'),
      template_records: sum('template_records_total') - sum('templates_defined_total')
        - sum('templates_withdrawn_total') - sum('undecodable_total', { what: 'template' }),
      options: sum('options_records_total') - sum('options_records_by_kind_total'),
      records: sum('data_records_total') + sum('reverse_records_total') - sum('flows_total') - sum('options_records_total')
        - sum('empty_records_total') - sum('events_total') - sum('implausible_records_total') - sum('duplicate_flows_total'),
      samples: sum('sflow_samples_total') - sum('sflow_samples_by_kind_total') - sum('undecodable_total', { what: 'sample' }),
      exporters: sum('flows_total') - sum('exporter_flows_total'),
      live: sum('flows_total') - sum('live_flows_total') - sum('live_dropped_total'),
      connections: sum('connections_accepted_total') - sum('connections') - sum('connections_closed_total'),
      messages: sum('connection_messages_total') - sum('connection_messages_taken_total'),
    };
  }
}
