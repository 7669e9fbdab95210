package record
import ("testing";"time";"benchd/daemon/bench";"os";"strings";"fmt")
func rss() string { b,_:=os.ReadFile("/proc/self/status"); for _,l:=range strings.Split(string(b),"\n"){ if strings.HasPrefix(l,"VmRSS"){return l}}; return ""}
func TestBig(t *testing.T){
 fmt.Println("before", rss())
 s:=open(t,t.TempDir())
 for n:=range 50 { s.Record(t.Context(), example(n)) }
 s.Runs(t.Context(), bench.RunQuery{})
 fmt.Println("open", rss())
 _,err:=s.write.Exec(`WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM c WHERE i<1000) INSERT INTO experiments(task,runtime,model,concurrency) SELECT 'task'||(i%4),'rt'||(i%5),'m'||i,1 FROM c`)
 if err!=nil{t.Fatal(err)}
 _,err=s.write.Exec(`WITH RECURSIVE c(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM c WHERE i<1000000) INSERT INTO runs(experiment,cycle,outcome,warm_up,server_bound,unit,size,exit,versions,error,figures,output) SELECT 22+i%1000, i/1000, iif(i%977=0,'failed','ok'),0,0,'u','quick','{}','{}','','{"wall_seconds":1.5}','' FROM c`)
 if err!=nil{t.Fatal(err)}
 for _,q:=range []bench.RunQuery{{},{Limit:1000},{Task:"task1"},{Task:"task1",Limit:1000},{Outcome:"failed",Limit:1000},{Outcome:"ok",Limit:1000},{Model:"m7",Before:500000},{Cycle:new(int64(5)),Task:"task1"},{Task:"task1",Runtime:"rt2",Model:"m117",Outcome:"killed"}}{
  x:=time.Now(); r,err:=s.Runs(t.Context(),q); fmt.Println(q.Task,q.Model,q.Outcome,q.Limit,len(r),err,time.Since(x))
 }
 x:=time.Now(); l,_:=s.LastOK(t.Context()); fmt.Println("lastok",len(l),time.Since(x)); x=time.Now(); s.LastCycle(t.Context()); fmt.Println("lastcycle",time.Since(x))
}
func TestTail(t *testing.T){
 s:=open(t,t.TempDir()); var d []time.Duration
 for n:=range 3000 { r:=example(5*n); for i := range 200 { r.Figures.Latency.Buckets = append(r.Figures.Latency.Buckets, bench.Bucket{LE: 1 + float64(i), Count: 100})}
 x:=time.Now(); s.Record(t.Context(), r); d=append(d,time.Since(x)) }
 over:=0; m:=time.Duration(0); for _,x:=range d { if x>5*time.Millisecond {over++}; m=max(m,x)}; fmt.Println("over 5ms:",over,"of",len(d),"max",m)
}
