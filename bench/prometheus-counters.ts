/** Totals of a Prometheus since its start, from its own metrics. */
export interface PrometheusCounters {
  readonly requests: number;
  readonly responseBytes: number;
  readonly cpuSeconds: number;
}

/** Reads the counters of `/metrics`: requests to the API for usage, bytes of their responses, CPU seconds. */
export async function prometheusCounters(url: string): Promise<PrometheusCounters> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const sum = (pattern: RegExp) => [...text.matchAll(pattern)].reduce((total, [, value]) => total + Number(value), 0);
  const api = '\\{[^}]*handler="/api/v1/(?:query|query_range|read|status/buildinfo)"[^}]*\\}';
  return {
    requests: sum(new RegExp(`^prometheus_http_requests_total${api} (\\S+)$`, 'gm')),
    responseBytes: sum(new RegExp(`^prometheus_http_response_size_bytes_sum${api} (\\S+)$`, 'gm')),
    cpuSeconds: sum(/^process_cpu_seconds_total (\S+)$/gm),
  };
}
