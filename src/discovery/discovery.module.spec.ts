import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Datasources } from '../datasource/datasources.js';
import { MetadataProfiles } from '../profiles/metadata-profile.js';
import { readSettings } from '../settings/read-settings.js';
import { SettingsModule } from '../settings/settings.module.js';
import { Discovery } from './discovery.js';
import { DiscoveryModule } from './discovery.module.js';

@Module({})
class TestModule {}

const start = (environment: Record<string, string>) =>
  NestFactory.createApplicationContext(
    { module: TestModule, imports: [SettingsModule.of(readSettings(environment)), DiscoveryModule] },
    { logger: false, abortOnError: false },
  );

describe('DiscoveryModule', () => {
  it('gives discovery, its profiles and the datasources', async () => {
    const context = await start({ PROMETHEUS_URL: 'http://127.0.0.1:9090' });
    expect(context.get(Discovery)).toBeInstanceOf(Discovery);
    expect(context.get(MetadataProfiles).find('cluster-metadata-local-monitoring')).toBeDefined();
    expect(context.get(Datasources, { strict: false }).find('prometheus-1')?.url).toBe('http://127.0.0.1:9090');
    await context.close();
  });

  it('stops the start at faulty datasources', async () => {
    await expect(start({ DATASOURCES_FILE: '/nowhere.yaml' })).rejects.toThrow(/Invalid datasources:\n {2}DATASOURCES_FILE: cannot read/);
  });
});
