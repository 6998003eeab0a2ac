import { MetricProfiles } from '../../profiles/metric-profile.js';
import { activityQuery } from './activity-query.js';

const shipped = new MetricProfiles({}).find('resource-optimization-local-monitoring')!.variables.get('maxDate')!.queries.max!;

describe('activityQuery', () => {
  it('asks for the largest sample instead of every minute of 15 days', () => {
    expect(activityQuery(shipped)).toBe(
      'max(max_over_time(container_cpu_usage_seconds_total{namespace="$NAMESPACE$", container="$CONTAINER_NAME$"}[15d])) > 0',
    );
  });

  it.each([
    ['another comparison', 'max(last_over_time((timestamp(x{n="$NAMESPACE$"} > 1))[15d:]))'],
    ['no comparison', 'max(timestamp(x{n="$NAMESPACE$"}))'],
    ['another window', 'max(last_over_time((timestamp(x{n="$NAMESPACE$"} > 0))[1d:]))'],
    ['two selectors', 'max(last_over_time((timestamp(x > 0))[15d:])) + max(y)'],
  ])('asks a query with %s as it is', (_, query) => expect(activityQuery(query)).toBe(query));
});
