import { describe, expect, it } from 'vitest';
import { fieldTypesIn } from '../../../../srv/territory-api/odata/metadata.ts';

const V4 = `<?xml version="1.0"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx">
<edmx:DataServices><Schema Namespace="svc" xmlns="http://docs.oasis-open.org/odata/ns/edm">
<EntityContainer Name="C"><EntitySet Name="assignments" EntityType="svc.Assignment"/>
  <EntitySet Name="Territories" EntityType="svc.Territory"/></EntityContainer>
<EntityType Name="Base" Abstract="true"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.String" Nullable="false"/></EntityType>
<EntityType Name="Assignment" BaseType="svc.Base">
  <!-- <Property Name="gone" Type="Edm.Date"/> -->
  <Property Name="validFrom" Type="Edm.Date"/><Property Name='quota' Type='Edm.Decimal' Precision='15'/>
  <Property Name="size" Type="Edm.Int64"/><Property Name="tags" Type="Collection(Edm.String)"/></EntityType>
<EntityType Name="Territory"><NavigationProperty Name="members" Type="Collection(svc.Assignment)"/></EntityType>
<ComplexType Name="Address"><Property Name="since" Type="Edm.Date"/></ComplexType>
</Schema></edmx:DataServices></edmx:Edmx>`;

const V2 = `<edmx:Edmx Version="1.0"><edmx:DataServices m:DataServiceVersion="2.0"><Schema Namespace="c4codata">
<EntityType Name="SalesTerritory"><Property Name="ObjectID" Type="Edm.String"/>
  <NavigationProperty Name="SalesTerritoryTeam" Relationship="c4codata.Territory_Team" FromRole="T" ToRole="M"/></EntityType>
<EntityType Name="SalesTerritoryTeam"><Property Name="StartDate" Type="Edm.DateTime" sap:display-format="Date"/>
  <Property Name="ChangedOn" Type="Edm.DateTimeOffset"/></EntityType>
<Association Name="Territory_Team"><End Type="c4codata.SalesTerritory" Role="T"/><End Type="c4codata.SalesTerritoryTeam" Role="M"/></Association>
<EntityContainer Name="X"><EntitySet Name="SalesTerritoryCollection" EntityType="c4codata.SalesTerritory"/>
  <AssociationSet Name="A" Association="c4codata.Territory_Team"><End EntitySet="SalesTerritoryCollection" Role="T"/></AssociationSet>
</EntityContainer></Schema></edmx:DataServices></edmx:Edmx>`;

describe('the types in $metadata', () => {
  it('are those of the collection, inherited ones too', () => {
    expect(Object.fromEntries(fieldTypesIn(V4, 'assignments') ?? [])).toEqual({
      id: 'string',
      validFrom: 'date',
      quota: 'decimal',
      size: 'int64',
    });
  });

  it('are those of a child collection in V4', () => {
    expect(fieldTypesIn(V4, "Territories('{territoryId}')/members")?.get('quota')).toBe('decimal');
  });

  it('are those of a child collection in V2', () => {
    const types = fieldTypesIn(V2, "SalesTerritoryCollection('{territoryId}')/SalesTerritoryTeam");
    expect(Object.fromEntries(types ?? [])).toEqual({ StartDate: 'datetime', ChangedOn: 'datetimeoffset' });
  });

  it.each(['unknown', 'Territories/unknown', ''])('do not tell of %j', (path) => {
    expect(fieldTypesIn(V4, path)).toBeUndefined();
  });

  it('are none in what is no such document', () => {
    expect(fieldTypesIn('<!doctype html><title>Log on</title>', 'assignments')).toBeUndefined();
  });

  it.each([
    ['a value that is not closed', `<EntityType Name="a${' x="'.repeat(500_000)}`],
    ['comments that are not closed', '<!--'.repeat(500_000)],
    ['a tag of nothing but attributes', `<EntityType${' a="x"'.repeat(1_000_000)}>`],
  ])(
    'are sought in linear time, and without a deep stack, in %s: the runner would end what takes longer',
    (_what, xml) => {
      expect(fieldTypesIn(xml, 'assignments')).toBeUndefined();
    },
  );
});
