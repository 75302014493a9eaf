INSERT INTO k (id,t,tc,v,bp,n,r,f,b,d,ts,iv,u,m,p,ct,fr,ir,tr,mr,ia,ta,tca,ma,pa,tv,j,js,by,ip,c,mac,bt,pr,pt,o,nm,ch,xx,nul,"Od""d",big,mo,tt,er,ur)
SELECT 2*i, 'text '||i%400, 'c'||i%300, CASE WHEN i%10=0 THEN NULL ELSE 'v'||i%1000 END, 'b'||i%30, i/7.0, i/3.0, sqrt(i), i%3=0,
 date '2020-01-01'+i%700, timestamptz '2020-01-01'+i*interval '10 min', (i%50)*interval '1 hour', md5((i%2000)::text)::uuid, (ARRAY['sad','ok','glad'])[1+(i%400)%3]::mood, 1+i%400, 'ct'||i%77,
 frange(i%100, i%100+i%13), CASE WHEN i%9=0 THEN 'empty' ELSE int4range(i%1000,i%1000+1+i%50) END, tstzrange(timestamptz '2020-01-01'+i*interval '1 hour', timestamptz '2020-01-01'+i*interval '1 hour'+(i%20)*interval '1 day'), int4multirange(int4range(i%100,i%100+5),int4range(200+i%100,300+i%50)),
 ARRAY[i%10,i%20,i%30], ARRAY['t'||i%7,'s'||i%50], ARRAY['x'||i%7], ARRAY['sad','ok']::mood[], ARRAY[1+i%5,2]::posint[], to_tsvector('simple','w'||i%50||' z'||i%900||' common'), jsonb_build_object('a',i%100,'tags',ARRAY['q'||i%11]), '{"a":1}', decode(md5((i%200)::text),'hex'), ('10.0.'||i%200||'.'||i%50)::inet, ('10.'||i%200||'.0.0/16')::cidr, ('08:00:2b:01:02:'||lpad(to_hex(i%200),2,'0'))::macaddr, (i%256)::bit(8), ROW(i%10,'p')::pair,
 point(i%100,i/100), i%1000, 'name'||i%100, chr(65+i%20)::"char", ((1000+i%50)::text)::xid, NULL, i%12, CASE WHEN i%50 = 0 THEN repeat(md5(i::text), 100) END, (i%500)::money, time '00:00'+ (i%600)*interval '1 min', 'empty',
 CASE i%5 WHEN 0 THEN 'empty' WHEN 1 THEN tstzrange(NULL, timestamptz '2020-01-01'+i*interval '1 hour') WHEN 2 THEN tstzrange(timestamptz '2020-01-01'+i*interval '1 hour', NULL)
  WHEN 3 THEN '(,)' ELSE tstzrange(timestamptz '2020-01-01'+i*interval '1 hour', timestamptz '2020-01-01'+i*interval '2 hours') END
FROM generate_series(1,20000) i;
INSERT INTO par SELECT i, i%100, i%100/10, date '2020-01-01'+i%730 FROM generate_series(1,30000) i;
INSERT INTO inh SELECT i, i%100, 'b'||i%100 FROM generate_series(1,20000) i;
INSERT INTO inh_c SELECT i, i%50, 'c'||i%50, i FROM generate_series(1,20000) i;
INSERT INTO ul SELECT i, i%50 FROM generate_series(1,20000) i;
INSERT INTO bloat SELECT i, i, 'some text '||i FROM generate_series(1,20000) i;
INSERT INTO filling SELECT i, i, 'some text '||i FROM generate_series(1,20000) i;
INSERT INTO ties SELECT i, i%60, i%7, i%9 FROM generate_series(1,20000) i;
REFRESH MATERIALIZED VIEW mv;
VACUUM ANALYZE;
VACUUM ANALYZE par;
VACUUM ANALYZE inh;
INSERT INTO bloat SELECT i, i, 'some text '||i FROM generate_series(20001,55000) i;
-- Rows since the last ANALYZE, none of them outside of what it saw.
INSERT INTO k (id,j,ta) SELECT 2*i+1, '{"z":1}', ARRAY['n'||i] FROM generate_series(1,300) i;
INSERT INTO never SELECT i, 'some text '||i FROM generate_series(1,20000) i;
INSERT INTO neversmall SELECT i, 'some text '||i FROM generate_series(1,200) i;
